"""One page that shows an explorer without Python."""
