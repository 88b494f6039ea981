"""Installation checks: each reports what it found and how to fix it; none changes anything."""
