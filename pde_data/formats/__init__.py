"""File formats: PDEBench's and The Well's, written and read; h5py is loaded on use."""

from ._layouts import FIELDS as FIELDS, Field as Field
from ._lazy import LazyArray as LazyArray
from ._open import FlowData as FlowData, load as load
from ._statistics import write_statistics as write_statistics
