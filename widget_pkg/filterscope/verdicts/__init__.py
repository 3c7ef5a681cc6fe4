"""Useful, or random noise? A verdict for every filter, with its evidence; knows no widget.

Structure comes from the weights alone (`structure`, `templates`, `matching`, `naming`). The rest comes from images:
`examination` takes them in batch by batch (`sampling`, `subject`, `statistics`, `losses`, `ablation`, `rerun`), then
`state`, `duplicates` and `use` judge its sums, and `conclusion` makes a `diagnosis` of all. `diagnose` is the door.
"""
