"""Random moves made inside the page, faster than any person, and what must hold at every one of them."""

from explorer_page import ExplorerPage
from patience import MILLISECONDS

# After each move, waited for or not, what stands under an image's and a filter's label is what stood there before.
MOVE = """async ([root, count, seed, limit, weightsStay]) => {
    let state = seed;
    const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const whole = (end) => Math.floor(random() * end);
    const frame = () => new Promise(requestAnimationFrame);
    const slider = (name) => root.querySelector(`input[type=range][name=${name}]`);
    const NAMES = ['image', 'layer', 'filter'];
    const settled = () => root.dataset.ready === 'true'
        && NAMES.every((name) => root.dataset[name] === slider(name).value);
    const print = (view) => {
        const canvas = root.querySelector(`canvas[data-view=${view}]`);
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let sum = canvas.width;
        for (const word of new Uint32Array(data.buffer)) sum = (Math.imul(sum, 16777619) ^ word) >>> 0;
        return sum;
    };
    const known = (window.picturesKnown ??= new Map());
    const wrong = [];
    const hold = (key, sum) => {
        if (!known.has(key)) known.set(key, sum);
        else if (known.get(key) !== sum) wrong.push(key);
    };
    const look = () => {
        const { image, layer, filter } = root.dataset;
        if (image === undefined) return;
        const title = root.querySelector('.fs-image .fs-title').textContent;
        if (title !== `image ${image}`) wrong.push(`image ${image} is called ${title}`);
        hold(`image ${image}`, print('image'));
        if (weightsStay) hold(`activation ${image} ${layer} ${filter}`, print('activation'));
    };
    for (let move = 0; move < count; move++) {
        const kind = random();
        if (kind < 0.03) {
            const select = root.querySelector('select[name=source]');
            select.value = select.options[whole(select.options.length)].value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
        } else {
            const input = slider(kind < 0.6 ? 'image' : kind < 0.75 ? 'layer' : 'filter');
            const [now, last] = [Number(input.value), Number(input.max)];
            const step = now + (random() < 0.5 ? 1 : -1);
            input.value = random() < 0.5 ? Math.min(last, Math.max(0, step)) : whole(last + 1);
            input.dispatchEvent(new Event('input', { bubbles: true }));
        }
        look();
        const patient = random() < 0.7 || move === count - 1;
        const end = performance.now() + limit;
        while (patient && !settled()) {
            if (performance.now() > end) throw new Error(`not ready: ${JSON.stringify({ ...root.dataset })}`);
            await frame();
            look();
        }
        if (!patient && random() < 0.5) await frame();
        look();
    }
    return wrong;
}"""


def move_at_random(notebook: ExplorerPage, count: int, seed: int, weights_stay: bool = True) -> list[str]:
    """Makes so many moves; returns each label that did not stand over its own pictures.

    While a net learns only the images are looked at: its maps are others each time.
    """
    return notebook.page.evaluate(MOVE, [notebook.widget().element_handle(), count, seed, MILLISECONDS, weights_stay])


def page_bytes(notebook: ExplorerPage) -> int:
    """The page's JavaScript heap in use and its array buffers, after garbage collection."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return int(usage["usedSize"] + usage.get("backingStorageSize", 0) + usage.get("embedderHeapUsedSize", 0))


KERNEL_BYTES = """
import gc
gc.collect()
next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
"""


def kernel_bytes(notebook: ExplorerPage) -> int:
    """The kernel's resident memory."""
    return notebook.python(KERNEL_BYTES)


CACHES = """
[[cache.nbytes, cache.limit] for cache in (explorer.session.engine.map_store, explorer.session.engine.samples,
 explorer.session.engine.response_store)]
"""


def kernel_caches(notebook: ExplorerPage) -> list[list[int]]:
    """Bytes held and allowed, of maps, samples and responses."""
    return notebook.python(CACHES)
