"""Useful, or random noise? A verdict for every filter, with its evidence; knows no widget.

Structure comes from the weights alone (`structure`, `templates`, `matching`, `naming`). The rest comes from images:
`examination` takes them in batch by batch (`sampling`, `subject`, `statistics`, `losses`, `interrupts`), and `removal`
takes filters away (`ablation`, `rerun`). Then `state`, `duplicates` and `use` judge the sums, and `conclusion` makes a
`diagnosis` of all. `diagnose` is the door.
"""
