"""What a pass could change of a net, to be compared before and after."""


def portrait(net):
    """All that a pass could change: flags, hooks, values, versions, gradients, and attributes by identity."""
    return [
        (
            name,
            module.training,
            [len(getattr(module, hooks)) for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")],
            [
                (
                    key,
                    id(t),
                    t._version,
                    t.requires_grad,
                    t.detach().numpy().tobytes(),
                    None if t.grad is None else t.grad.numpy().tobytes(),
                )
                for key, t in (*module._parameters.items(), *module._buffers.items())
                if t is not None
            ],
            sorted((key, id(value)) for key, value in module.__dict__.items()),
        )
        for name, module in net.named_modules()
    ]
