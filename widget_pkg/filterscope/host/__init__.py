"""The notebook's side: its cells, threads and end, and all waiting times. Imports no other room."""
