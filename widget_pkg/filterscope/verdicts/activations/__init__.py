"""What activations over many images say: live, dead or constant, duplicate or mirror."""
