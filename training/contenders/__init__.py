"""Adapters of what the benchmark of speed times, a file each.

``serve.py`` runs an adapter in a process of its own, under any Python that has the tool. An adapter has
``load``, which takes its settings by name and gives a description (``name``, ``versions``, and ``files`` that the
model lies in) and a function from a list of texts to what came of them; ImportError or ValueError where it is
not to be had.
"""
