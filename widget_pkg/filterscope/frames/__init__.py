"""What a page is told, as plain data. Knows no widget and no wire."""
