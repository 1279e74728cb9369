"""File formats: PDEBench's and The Well's, written and read; h5py is loaded on use."""

from ..reading._flow_data import FlowData as FlowData, load as load
from ..reading._lazy_array import LazyArray as LazyArray
from ..reading._statistics import write_statistics as write_statistics
from ._layouts import FIELDS as FIELDS, Field as Field
