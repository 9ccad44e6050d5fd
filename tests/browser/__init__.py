"""What a person sees: the real pages of the real server, driven in a real Chromium."""
