"""One pass over a data set: what each filter of a net gave for each image, in a record that merges; no verdict."""
