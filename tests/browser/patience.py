"""How long anything may take in the browser tests, said once: nothing here is timed, and the machine may be busy."""

# Seconds. Only what never comes takes as long: on two idle cores the slowest answers take some 10 s.
LIMIT = 120
MILLISECONDS = 1000 * LIMIT
