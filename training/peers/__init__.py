"""Adapters of other tools, a file each, for the benchmark.

``serve.py`` runs an adapter under any Python that has the tool, with nothing else but the standard library.
An adapter has ``NAME``, ``PACKAGE`` (what it is called in the package index), ``LABELS`` (our label for
each of the tool's tags), ``NUMBERS`` (tags of words that may be part of an amount) and ``load``, which gives a
function from a text to [start, end, tag] in code points; ImportError where the tool is not there. It may have
``DATA`` (its models and dictionaries, as paths that begin with a package) and ``load_batches``, which gives a function
of many texts, where that is faster; the benchmark of speed asks for them.
"""
