"""One file a library: from a library's own object to the net inside of it, how it is called, and what its output is.

None imports its library: an object is known by its attributes, or by where its class was defined.
"""
