"""`make demo`: the whole project, deployed, run and destroyed on the embedded AWS."""
