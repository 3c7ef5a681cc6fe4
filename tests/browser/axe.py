"""axe-core, which finds what keeps people out."""

from pathlib import Path

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
# The rules that are checked: those of WCAG 2.1, levels A and AA, and axe's own advice.
WCAG = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"
