"""How voicedash is deployed: the image, compose, and what they must not give away."""
