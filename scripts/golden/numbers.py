"""Exact arithmetic (50 digits) and compact JSON: every number as %.17g, one line a vector."""
import json
import math
import os

import mpmath as mp
import numpy as np
from mpmath import mpf

mp.mp.dps = 50


def exact(value):
    """The double itself, not the decimal that it was written as."""
    return mpf(float(value))


exact_array = np.vectorize(exact, otypes=[object])
exact_sqrt = np.vectorize(mp.sqrt, otypes=[object])
rounded = np.vectorize(float)


def number(value):
    value = float(value)
    if math.isnan(value):
        return '"nan"'
    if math.isinf(value):
        return '"inf"' if value > 0 else '"-inf"'
    return "%.17g" % value


def encode(value, indent=0):
    space = " " * indent
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating, mpf)):
        return number(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    items = list(value.values()) if isinstance(value, dict) else value
    flat = all(not isinstance(item, (dict, list, tuple, np.ndarray)) for item in items)
    if isinstance(value, dict):
        if flat:
            return "{" + ",".join(json.dumps(k) + ":" + encode(v) for k, v in value.items()) + "}"
        return "{\n" + ",\n".join(space + " " + json.dumps(k) + ":" + encode(v, indent + 1) for k, v in value.items()) + "}"
    if flat:
        return "[" + ",".join(encode(v) for v in value) + "]"
    return "[\n" + ",\n".join(space + " " + encode(v, indent + 1) for v in value) + "]"


def write(folder, name, value):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(encode(value) + "\n")
    with open(path) as file:
        json.load(file)
    print("wrote %s, %d bytes" % (path, os.path.getsize(path)))
