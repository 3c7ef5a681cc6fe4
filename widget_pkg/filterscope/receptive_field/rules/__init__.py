"""The rules: what each of torch's operations does to footprints."""
