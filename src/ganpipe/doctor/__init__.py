"""What the pipeline stands on, looked at from outside: each check finds, and names a cure; none changes anything."""
