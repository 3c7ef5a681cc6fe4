"""The questions that a verdict answers about a filter, one module each; `verdicts.result.verdict` has their table."""
