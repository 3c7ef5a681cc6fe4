"""`Explorer`, its pages, and the requests that they make. Does no mathematics."""
