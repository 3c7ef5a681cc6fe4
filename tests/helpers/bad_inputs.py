"""What can be wrong with a net or a data set, and the sentence that is said then; docs/reference/data.md shows it.

To add a row: say what is wrong, write a function of a `Place` that does it, and the sentence. `⋯` stands for words that
are not ours, such as torch's.
"""

from __future__ import annotations

from bad_data import DATA_SETS
from bad_loaders import LOADERS
from bad_nets import NETS
from bad_options import OPTIONS, SAID
from bad_samples import SAMPLES

TABLE = {
    "The net": NETS,
    "The data set": DATA_SETS,
    "Loaders, batches, and several data sets at once": LOADERS,
    "A sample: an error in its place, and the others stay": SAMPLES,
    "An option or an index": OPTIONS,
    "Nothing is raised, and the view says it": SAID,
}
