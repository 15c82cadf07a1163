"""Rules of segments: read, checked, evaluated, told in words."""
