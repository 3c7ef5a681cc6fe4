"""What a net's output says where it is not one score a class: objects in boxes, a class for each pixel, a score."""
