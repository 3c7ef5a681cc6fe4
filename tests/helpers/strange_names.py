"""Names that no text file can hold, as Python has them of folders that are named in bytes that are no UTF-8."""

STRANGE = ["caf\udce9", "caf\udce8", "\ud800\udfff", "🐈 é"]
"""Class names with lone surrogates, and one without."""

SPELT = ["caf\\udce9", "caf\\udce8", "\\ud800\\udfff", "🐈 é"]
"""What is shown in their place."""
