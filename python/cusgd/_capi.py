"""The C interface of libcusgd, written by scripts/make_python_api.py from the headers; edits are lost."""

from __future__ import annotations

import ctypes as C
from typing import Any

CUSGD_OK = 0
CUSGD_ERROR_USAGE = 1
CUSGD_ERROR_DATA = 2
CUSGD_ERROR_DEVICE = 3
CUSGD_ERROR_DIVERGED = 4
CUSGD_ERROR_MISMATCH = 5
CUSGD_ERROR_MEMORY = 6
CUSGD_ERROR_NOT_CONVERGED = 7
CUSGD_ERROR_INTERRUPTED = 130


class cusgd_error(C.Structure):
    _fields_ = [("size", C.c_size_t), ("status", C.c_int), ("option", C.c_char * 32), ("row", C.c_int64), ("column", C.c_int64)]

cusgd_interrupt = C.CFUNCTYPE(C.c_int, C.c_void_p)
CUSGD_TARGET_REAL = 0
CUSGD_TARGET_CLASS = 1
CUSGD_TARGET_POSITIVE = 2
CUSGD_TARGET_NONNEGATIVE = 3
CUSGD_LINK_IDENTITY = 0
CUSGD_LINK_LOGIT = 1
CUSGD_LINK_LOG = 2
CUSGD_LINK_SOFTMAX = 3
CUSGD_SMOOTH_QUADRATIC = 0
CUSGD_SMOOTH_TWICE = 1
CUSGD_SMOOTH_ONCE = 2
CUSGD_SMOOTH_NOT = 3


class cusgd_loss_info(C.Structure):
    _fields_ = [("name", C.c_char_p), ("formula", C.c_char_p), ("targets", C.c_int), ("link", C.c_int), ("smoothness", C.c_int), ("likelihood", C.c_int), ("hessian_bound", C.c_double), ("option", C.c_char_p), ("option_default", C.c_double)]

CUSGD_OPTION_TEXT = 1024
CUSGD_OPTION_NAME = 0
CUSGD_OPTION_NUMBER = 1
CUSGD_OPTION_WHOLE = 2
CUSGD_OPTION_FLAG = 3
CUSGD_OPTION_SEED = 4
CUSGD_OPTION_DEVICE = 5
CUSGD_OPTION_FORMULA = 6
CUSGD_OPTION_CONSTANTS = 7


class cusgd_option_info(C.Structure):
    _fields_ = [("name", C.c_char_p), ("metavar", C.c_char_p), ("default_text", C.c_char_p), ("help", C.c_char_p), ("alias", C.c_char_p), ("type", C.c_int), ("choices", C.POINTER(C.c_char_p)), ("min", C.c_double), ("max", C.c_double), ("min_excluded", C.c_int), ("max_excluded", C.c_int), ("takes_auto", C.c_int)]



class cusgd_device(C.Structure):
    _fields_ = [("size", C.c_size_t), ("id", C.c_char * 16), ("name", C.c_char * 128), ("memory", C.c_int64), ("cache", C.c_int64), ("note", C.c_char * 256), ("usable", C.c_int), ("compiles", C.c_int)]

CUSGD_TYPE_FLOAT32 = 0
CUSGD_TYPE_FLOAT64 = 1


class cusgd_matrix(C.Structure):
    _fields_ = [("at", C.c_void_p), ("type", C.c_int), ("row_stride", C.c_int64), ("col_stride", C.c_int64)]



class cusgd_device_arrays(C.Structure):
    _fields_ = [("size", C.c_size_t), ("x", cusgd_matrix), ("y", cusgd_matrix), ("w", cusgd_matrix), ("stream", C.c_void_p)]



class cusgd_csr(C.Structure):
    _fields_ = [("start", C.POINTER(C.c_int64)), ("column", C.c_void_p), ("value", C.c_void_p), ("type", C.c_int), ("wide", C.c_int)]

CUSGD_OFFSET_NONE = 0
CUSGD_OFFSET_LINEAR = 1
CUSGD_OFFSET_EXPOSURE = 2


class cusgd_model_arrays(C.Structure):
    _fields_ = [("size", C.c_size_t), ("cols", C.c_int64), ("outputs", C.c_int64), ("weight", C.POINTER(C.c_double)), ("bias", C.POINTER(C.c_double)), ("loss", C.c_char_p), ("loss_number", C.c_double), ("features", C.POINTER(C.c_char_p)), ("targets", C.POINTER(C.c_char_p)), ("classes", C.POINTER(C.c_char_p)), ("offset", C.c_int), ("class_count", C.c_int64), ("loss_expr", C.c_char_p), ("link", C.c_char_p), ("constants", C.c_char_p)]



class cusgd_coefficient(C.Structure):
    _fields_ = [("size", C.c_size_t), ("value", C.c_double), ("error", C.c_double), ("statistic", C.c_double), ("p_value", C.c_double), ("lower", C.c_double), ("upper", C.c_double), ("degrees_of_freedom", C.c_int64)]

CUSGD_PREDICT_MEAN = 0
CUSGD_PREDICT_LINK = 1
CUSGD_PREDICT_CLASS = 2
CUSGD_PREDICT_PROBABILITY = 3


class cusgd_metrics(C.Structure):
    _fields_ = [("size", C.c_size_t), ("rows", C.c_int64), ("loss", C.c_double), ("mse", C.c_double), ("rmse", C.c_double), ("mae", C.c_double), ("r2", C.c_double), ("log_loss", C.c_double), ("accuracy", C.c_double), ("deviance", C.c_double), ("d2", C.c_double), ("explained_variance", C.c_double), ("max_error", C.c_double), ("balanced_accuracy", C.c_double), ("precision", C.c_double), ("recall", C.c_double), ("f1", C.c_double), ("confusion", C.c_double * 4), ("f1_macro", C.c_double), ("f1_weighted", C.c_double), ("top3", C.c_double), ("top5", C.c_double), ("pinball_loss", C.c_double), ("crossing", C.c_double)]



class cusgd_ranking(C.Structure):
    _fields_ = [("size", C.c_size_t), ("auc", C.c_double), ("average_precision", C.c_double)]



class cusgd_order_metrics(C.Structure):
    _fields_ = [("size", C.c_size_t), ("median_absolute_error", C.c_double), ("d2_absolute_error", C.c_double), ("d2_pinball", C.c_double)]

CUSGD_STOP_NONE = 0
CUSGD_STOP_EPOCHS = 1
CUSGD_STOP_TOLERANCE = 2
CUSGD_STOP_GRADIENT = 3
CUSGD_STOP_CANCELLED = 4
CUSGD_STOP_DIVERGED = 5
CUSGD_STOP_SOLVED = 6
CUSGD_STOP_DEVICE = 7
CUSGD_STOP_DATA = 8
CUSGD_STOP_DROPPED = 9


class cusgd_progress(C.Structure):
    _fields_ = [("size", C.c_size_t), ("epoch", C.c_int64), ("epochs", C.c_int64), ("step", C.c_int64), ("loss", C.c_double), ("evaluated", C.c_int), ("valid_loss", C.c_double), ("rate", C.c_double), ("seconds", C.c_double), ("rows_per_second", C.c_double), ("seconds_left", C.c_double)]

cusgd_callback = C.CFUNCTYPE(C.c_int, C.POINTER(cusgd_progress), C.c_void_p)


class cusgd_result(C.Structure):
    _fields_ = [("size", C.c_size_t), ("stop", C.c_int), ("epochs", C.c_int64), ("steps", C.c_int64), ("epoch", C.c_int64), ("loss", C.c_double), ("valid_loss", C.c_double), ("objective", C.c_double), ("gradient", C.c_double), ("relative_gap", C.c_double), ("rate", C.c_double), ("seconds", C.c_double), ("rows_per_second", C.c_double), ("rollbacks", C.c_int64), ("separated", C.c_int), ("note", C.c_char * 512), ("null_loss", C.c_double), ("worse", C.c_int), ("converged", C.c_int)]

cusgd_checkpoint_callback = C.CFUNCTYPE(None, C.c_void_p, C.POINTER(cusgd_progress), C.c_void_p)


class cusgd_stream_times(C.Structure):
    _fields_ = [("size", C.c_size_t), ("read_bytes", C.c_double), ("present_bytes", C.c_double), ("read_seconds", C.c_double), ("wait_seconds", C.c_double), ("copy_seconds", C.c_double), ("compute_seconds", C.c_double)]



class cusgd_configuration(C.Structure):
    _fields_ = [("l1", C.c_double), ("l2", C.c_double), ("rate", C.c_double), ("momentum", C.c_double), ("loss_number", C.c_double), ("class_weight", C.c_double)]

CUSGD_SELECT_BEST = 0
CUSGD_SELECT_ONE_SE = 1
cusgd_sweep_begins = C.CFUNCTYPE(None, C.c_void_p, C.c_int64, C.c_int64, C.c_double)


class cusgd_sweep_plan(C.Structure):
    _fields_ = [("size", C.c_size_t), ("configurations", C.POINTER(cusgd_configuration)), ("count", C.c_size_t), ("folds", C.c_int), ("fold", C.POINTER(C.c_uint8)), ("select", C.c_int), ("halving", C.c_int), ("memory", C.c_double), ("begins", cusgd_sweep_begins), ("user", C.c_void_p)]



class cusgd_outcome(C.Structure):
    _fields_ = [("size", C.c_size_t), ("numbers", cusgd_configuration), ("mean", C.c_double), ("standard_error", C.c_double), ("loss", C.c_double), ("rank", C.c_int64), ("epochs", C.c_int64), ("nonzeros", C.c_int64), ("stop", C.c_int)]



class cusgd_path_plan(C.Structure):
    _fields_ = [("size", C.c_size_t), ("l1_ratio", C.c_double), ("count", C.c_int64), ("ratio", C.c_double), ("alphas", C.POINTER(C.c_double)), ("folds", C.c_int), ("fold", C.POINTER(C.c_uint8)), ("select", C.c_int), ("tolerance", C.c_double)]



class cusgd_path_point(C.Structure):
    _fields_ = [("size", C.c_size_t), ("alpha", C.c_double), ("l1", C.c_double), ("l2", C.c_double), ("mean", C.c_double), ("standard_error", C.c_double), ("loss", C.c_double), ("gap", C.c_double), ("nonzeros", C.c_int64), ("converged", C.c_int)]



class cusgd_expression_names(C.Structure):
    _fields_ = [("size", C.c_size_t), ("variables", C.POINTER(C.c_char_p)), ("variable_count", C.c_size_t), ("constants", C.POINTER(C.c_char_p)), ("values", C.POINTER(C.c_double)), ("constant_count", C.c_size_t)]

CUSGD_FORWARD = 0
CUSGD_REVERSE = 1


class cusgd_search(C.Structure):
    _fields_ = [("size", C.c_size_t), ("solver", C.c_char_p), ("rate", C.c_double), ("momentum", C.c_double), ("tolerance", C.c_double), ("iterations", C.c_int64)]



class cusgd_iterate(C.Structure):
    _fields_ = [("size", C.c_size_t), ("iteration", C.c_int64), ("x", C.POINTER(C.c_double)), ("value", C.c_double), ("gradient", C.c_double), ("length", C.c_double)]

cusgd_iterate_callback = C.CFUNCTYPE(C.c_int, C.POINTER(cusgd_iterate), C.c_void_p)


class cusgd_search_result(C.Structure):
    _fields_ = [("size", C.c_size_t), ("converged", C.c_int), ("iterations", C.c_int64), ("value", C.c_double), ("gradient", C.c_double), ("order", C.c_double)]

CUSGD_HEADER_AUTO = 0
CUSGD_HEADER_YES = 1
CUSGD_HEADER_NO = 2
CUSGD_MISSING_DEFAULT = 0
CUSGD_MISSING_ERROR = 1
CUSGD_MISSING_DROP = 2
CUSGD_MISSING_MEAN = 3
CUSGD_MISSING_KEEP = 4
CUSGD_MISSING_AUTO = 5


class cusgd_dialect(C.Structure):
    _fields_ = [("separator", C.c_char), ("decimal", C.c_char), ("thousands", C.c_char), ("skip", C.c_int64)]

CUSGD_DATE_ORDER_FOUND = 0
CUSGD_DATE_ORDER_DAY_FIRST = 1
CUSGD_DATE_ORDER_MONTH_FIRST = 2
CUSGD_SPARSE_AUTO = 0
CUSGD_SPARSE_NO = 1
CUSGD_SPARSE_YES = 2


class cusgd_encode(C.Structure):
    _fields_ = [("categorical", C.POINTER(C.c_char_p)), ("categorical_count", C.c_size_t), ("categorical_auto", C.c_int), ("all_levels", C.c_int), ("missing", C.c_int), ("strict", C.c_int), ("dates", C.POINTER(C.c_char_p)), ("date_count", C.c_size_t), ("date_order", C.c_int), ("polynomial", C.c_int), ("interactions", C.c_int), ("sparse", C.c_int)]

CUSGD_INDEX_AUTO = 0
CUSGD_INDEX_ZERO = 1
CUSGD_INDEX_ONE = 2
CUSGD_CLASSES_GIVEN = 0
CUSGD_CLASSES_FIND = 1
CUSGD_CLASSES_SPLIT = 2


class cusgd_roles(C.Structure):
    _fields_ = [("targets", C.POINTER(C.c_char_p)), ("target_count", C.c_size_t), ("features", C.POINTER(C.c_char_p)), ("feature_count", C.c_size_t), ("ignore", C.POINTER(C.c_char_p)), ("ignore_count", C.c_size_t), ("weights", C.c_char_p), ("offset", C.c_char_p), ("exposure", C.c_char_p), ("trials", C.c_char_p), ("x_only", C.c_int)]



class cusgd_reader(C.Structure):
    _fields_ = [("size", C.c_size_t), ("header", C.c_int), ("roles", cusgd_roles), ("classes", C.POINTER(C.c_char_p)), ("layout", C.c_void_p), ("dialect", cusgd_dialect), ("encode", cusgd_encode), ("find_classes", C.c_int), ("encoding", C.c_void_p), ("lines_before", C.c_int64), ("class_count", C.c_size_t), ("index_base", C.c_int), ("columns", C.c_int64), ("datasets", C.c_char_p), ("single_values", C.c_int), ("threads", C.c_int), ("spill", C.c_char_p), ("spill_bytes", C.c_int64)]



class cusgd_folder_options(C.Structure):
    _fields_ = [("size", C.c_size_t), ("rows_per_file", C.c_int64), ("bf16", C.c_int), ("shuffle", C.c_int), ("seed", C.c_uint64)]

CUSGD_ROLE_NONE = 0
CUSGD_ROLE_IGNORED = 1
CUSGD_ROLE_WEIGHTS = 2
CUSGD_ROLE_OFFSET = 3
CUSGD_ROLE_TARGET = 4
CUSGD_ROLE_FEATURE = 5
CUSGD_COLUMN_EMPTY = 0
CUSGD_COLUMN_NUMBER = 1
CUSGD_COLUMN_BOOLEAN = 2
CUSGD_COLUMN_CATEGORY = 3
CUSGD_COLUMN_DATE = 4
CUSGD_COLUMN_TEXT = 5
CUSGD_COLUMN_MIXED = 6
CUSGD_COLUMN_CONSTANT = 7
CUSGD_COLUMN_ROW_NUMBER = 8
CUSGD_COLUMN_MARKED = 9


class cusgd_table_column(C.Structure):
    _fields_ = [("size", C.c_size_t), ("name", C.c_char_p), ("role", C.c_int), ("place", C.c_int64), ("numbers", C.c_int64), ("missing", C.c_int64), ("texts", C.c_int64), ("values", C.c_char_p), ("kind", C.c_int), ("different", C.c_int64)]

CUSGD_SYNTHETIC_LINEAR = 0
CUSGD_SYNTHETIC_LOGISTIC = 1
CUSGD_SYNTHETIC_POSITIVE = 2


class cusgd_generator(C.Structure):
    _fields_ = [("size", C.c_size_t), ("rows", C.c_int64), ("cols", C.c_int64), ("outputs", C.c_int64), ("informative", C.c_int64), ("noise", C.c_double), ("targets", C.c_int), ("correlation", C.c_double), ("condition", C.c_double), ("seed", C.c_uint64), ("type", C.c_int), ("device", C.c_char_p)]



class cusgd_check_line(C.Structure):
    _fields_ = [("what", C.c_char_p), ("device", C.c_double), ("cpu", C.c_double), ("share", C.c_double), ("step", C.c_int64)]

CUSGD_CHECK_LINES = 32


class cusgd_check_report(C.Structure):
    _fields_ = [("size", C.c_size_t), ("passed", C.c_int), ("steps", C.c_int64), ("device", C.c_char * 128), ("line_count", C.c_int), ("lines", cusgd_check_line * 32)]


STRUCTURES: list[Any] = [cusgd_check_line, cusgd_check_report, cusgd_coefficient, cusgd_configuration, cusgd_csr, cusgd_device, cusgd_device_arrays, cusgd_dialect, cusgd_encode, cusgd_error, cusgd_expression_names, cusgd_folder_options, cusgd_generator, cusgd_iterate, cusgd_loss_info, cusgd_matrix, cusgd_metrics, cusgd_model_arrays, cusgd_option_info, cusgd_order_metrics, cusgd_outcome, cusgd_path_plan, cusgd_path_point, cusgd_progress, cusgd_ranking, cusgd_reader, cusgd_result, cusgd_roles, cusgd_search, cusgd_search_result, cusgd_stream_times, cusgd_sweep_plan, cusgd_table_column]

# Name, type of the result, types of the arguments.
FUNCTIONS: list[tuple[str, Any, list[Any]]] = [
    ("cusgd_status_name", C.c_char_p, [C.c_int]),
    ("cusgd_last_error", C.c_char_p, []),
    ("cusgd_last_error_info", C.c_int, [C.POINTER(cusgd_error)]),
    ("cusgd_set_option_dashes", None, [C.c_int]),
    ("cusgd_version", C.c_char_p, []),
    ("cusgd_version_number", C.c_int, []),
    ("cusgd_set_interrupt", None, [cusgd_interrupt, C.c_void_p]),
    ("cusgd_text_escape", C.c_size_t, [C.c_char_p, C.c_char_p, C.c_size_t]),
    ("cusgd_loss_at", C.POINTER(cusgd_loss_info), [C.c_size_t]),
    ("cusgd_loss_find", C.POINTER(cusgd_loss_info), [C.c_char_p]),
    ("cusgd_options_new", C.c_int, [C.POINTER(C.c_void_p)]),
    ("cusgd_options_copy", C.c_int, [C.c_void_p, C.POINTER(C.c_void_p)]),
    ("cusgd_options_free", None, [C.c_void_p]),
    ("cusgd_options_set", C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p]),
    ("cusgd_options_set_number", C.c_int, [C.c_void_p, C.c_char_p, C.c_double]),
    ("cusgd_options_set_array", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(C.c_double), C.c_size_t]),
    ("cusgd_options_get", C.c_int, [C.c_void_p, C.c_char_p, C.c_char * 1024]),
    ("cusgd_options_get_number", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(C.c_double)]),
    ("cusgd_options_check", C.c_int, [C.c_void_p]),
    ("cusgd_options_unused", C.c_char_p, [C.c_void_p, C.c_char_p]),
    ("cusgd_option_at", C.POINTER(cusgd_option_info), [C.c_size_t]),
    ("cusgd_device_at", C.c_int, [C.c_size_t, C.POINTER(cusgd_device)]),
    ("cusgd_set_module_folder", C.c_int, [C.c_char_p]),
    ("cusgd_data_wrap", C.c_int, [C.c_int64, C.c_int64, C.c_int64, cusgd_matrix, cusgd_matrix, cusgd_matrix, C.POINTER(C.c_void_p)]),
    ("cusgd_data_wrap_device", C.c_int, [C.c_int64, C.c_int64, C.c_int64, C.POINTER(cusgd_device_arrays), C.POINTER(C.c_void_p)]),
    ("cusgd_data_wrap_csr", C.c_int, [C.c_int64, C.c_int64, C.c_int64, cusgd_csr, cusgd_matrix, cusgd_matrix, C.POINTER(C.c_void_p)]),
    ("cusgd_data_stored", C.c_int64, [C.c_void_p]),
    ("cusgd_data_set_sparse", C.c_int, [C.c_void_p, C.c_int]),
    ("cusgd_data_set_offset", C.c_int, [C.c_void_p, C.c_int, cusgd_matrix]),
    ("cusgd_data_set_names", C.c_int, [C.c_void_p, C.POINTER(C.c_char_p), C.POINTER(C.c_char_p), C.POINTER(C.c_char_p), C.c_char_p]),
    ("cusgd_data_set_classes", C.c_int, [C.c_void_p, C.POINTER(C.c_char_p), C.c_int64]),
    ("cusgd_data_find_classes", C.c_int, [C.c_void_p, C.c_void_p]),
    ("cusgd_data_split_targets", C.c_int, [C.c_void_p, C.c_int]),
    ("cusgd_data_weigh_classes", C.c_int, [C.c_void_p, C.POINTER(C.c_char_p), C.POINTER(C.c_double), C.c_int64]),
    ("cusgd_data_select", C.c_int, [C.c_void_p, C.POINTER(C.c_int64), C.c_int64, C.POINTER(C.c_void_p)]),
    ("cusgd_data_free", None, [C.c_void_p]),
    ("cusgd_data_rows", C.c_int64, [C.c_void_p]),
    ("cusgd_data_cols", C.c_int64, [C.c_void_p]),
    ("cusgd_data_outputs", C.c_int64, [C.c_void_p]),
    ("cusgd_data_classes", C.c_int64, [C.c_void_p]),
    ("cusgd_data_feature", C.c_char_p, [C.c_void_p, C.c_int64]),
    ("cusgd_data_target", C.c_char_p, [C.c_void_p, C.c_int64]),
    ("cusgd_data_class", C.c_char_p, [C.c_void_p, C.c_int]),
    ("cusgd_data_feature_column", C.c_int64, [C.c_void_p, C.c_int64]),
    ("cusgd_data_target_column", C.c_int64, [C.c_void_p, C.c_int64]),
    ("cusgd_data_note", C.c_char_p, [C.c_void_p, C.c_size_t]),
    ("cusgd_data_offset", C.c_int, [C.c_void_p, C.POINTER(C.c_char_p)]),
    ("cusgd_model_create", C.c_int, [C.POINTER(cusgd_model_arrays), C.POINTER(C.c_void_p)]),
    ("cusgd_model_load", C.c_int, [C.c_char_p, C.POINTER(C.c_void_p)]),
    ("cusgd_model_save", C.c_int, [C.c_void_p, C.c_char_p]),
    ("cusgd_model_load_memory", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(C.c_void_p)]),
    ("cusgd_model_save_memory", C.c_int, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(C.c_size_t)]),
    ("cusgd_model_free", None, [C.c_void_p]),
    ("cusgd_model_cols", C.c_int64, [C.c_void_p]),
    ("cusgd_model_outputs", C.c_int64, [C.c_void_p]),
    ("cusgd_model_targets", C.c_int64, [C.c_void_p]),
    ("cusgd_model_classes", C.c_int64, [C.c_void_p]),
    ("cusgd_model_weight", C.POINTER(C.c_double), [C.c_void_p]),
    ("cusgd_model_bias", C.POINTER(C.c_double), [C.c_void_p]),
    ("cusgd_model_standard_errors", C.POINTER(C.c_double), [C.c_void_p, C.POINTER(C.c_int64)]),
    ("cusgd_model_coefficient", C.c_int, [C.c_void_p, C.c_int64, C.c_int64, C.c_double, C.POINTER(cusgd_coefficient)]),
    ("cusgd_model_feature", C.c_char_p, [C.c_void_p, C.c_int64]),
    ("cusgd_model_target", C.c_char_p, [C.c_void_p, C.c_int64]),
    ("cusgd_model_class", C.c_char_p, [C.c_void_p, C.c_int]),
    ("cusgd_model_loss", C.POINTER(cusgd_loss_info), [C.c_void_p, C.POINTER(C.c_double)]),
    ("cusgd_model_quantiles", C.POINTER(C.c_double), [C.c_void_p]),
    ("cusgd_model_output", C.c_char_p, [C.c_void_p, C.c_int64]),
    ("cusgd_model_offset", C.c_int, [C.c_void_p, C.POINTER(C.c_char_p)]),
    ("cusgd_model_metadata", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(C.c_char_p), C.POINTER(C.c_char_p)]),
    ("cusgd_model_feature_column", C.c_int64, [C.c_void_p, C.c_int64]),
    ("cusgd_model_target_column", C.c_int64, [C.c_void_p, C.c_int64]),
    ("cusgd_model_offset_column", C.c_int64, [C.c_void_p]),
    ("cusgd_model_prediction_cols", C.c_int64, [C.c_void_p, C.c_int]),
    ("cusgd_model_predict", C.c_int, [C.c_void_p, C.c_void_p, C.c_int, C.POINTER(C.c_double)]),
    ("cusgd_model_evaluate", C.c_int, [C.c_void_p, C.c_void_p, C.c_int64, C.POINTER(cusgd_metrics)]),
    ("cusgd_model_confusion", C.c_int, [C.c_void_p, C.c_void_p, C.POINTER(C.c_double)]),
    ("cusgd_model_rank", C.c_int, [C.c_void_p, C.c_void_p, C.c_int64, C.POINTER(cusgd_ranking)]),
    ("cusgd_model_order_metrics", C.c_int, [C.c_void_p, C.c_void_p, C.c_int64, C.POINTER(cusgd_order_metrics)]),
    ("cusgd_model_evaluate_outputs", C.c_int, [C.c_void_p, C.c_void_p, C.POINTER(cusgd_metrics), C.POINTER(cusgd_ranking), C.POINTER(cusgd_order_metrics)]),
    ("cusgd_trainer_create", C.c_int, [C.c_void_p, C.c_void_p, C.c_void_p, C.POINTER(C.c_void_p)]),
    ("cusgd_trainer_free", None, [C.c_void_p]),
    ("cusgd_trainer_fit", C.c_int, [C.c_void_p, cusgd_callback, C.c_void_p, C.POINTER(cusgd_result)]),
    ("cusgd_trainer_optimum", C.c_int, [C.c_void_p, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_trainer_step", C.c_int, [C.c_void_p, C.c_int64]),
    ("cusgd_trainer_rebind", C.c_int, [C.c_void_p, C.c_void_p]),
    ("cusgd_trainer_partial_fit", C.c_int, [C.c_void_p, C.c_void_p, C.POINTER(cusgd_progress)]),
    ("cusgd_trainer_data", C.c_void_p, [C.c_void_p]),
    ("cusgd_trainer_reset", C.c_int, [C.c_void_p, C.c_void_p]),
    ("cusgd_trainer_cancel", None, [C.c_void_p]),
    ("cusgd_trainer_set_checkpoint_callback", None, [C.c_void_p, cusgd_checkpoint_callback, C.c_void_p]),
    ("cusgd_trainer_save_state", C.c_int, [C.c_void_p, C.c_char_p]),
    ("cusgd_trainer_save_state_memory", C.c_int, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(C.c_size_t)]),
    ("cusgd_trainer_load_state", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(cusgd_progress)]),
    ("cusgd_trainer_load_state_memory", C.c_int, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(cusgd_progress)]),
    ("cusgd_trainer_note", C.c_char_p, [C.c_void_p, C.c_size_t]),
    ("cusgd_trainer_stream_times", C.c_int, [C.c_void_p, C.POINTER(cusgd_stream_times)]),
    ("cusgd_trainer_options", C.c_void_p, [C.c_void_p]),
    ("cusgd_trainer_solver_reason", C.c_char_p, [C.c_void_p]),
    ("cusgd_trainer_outputs", C.c_int64, [C.c_void_p]),
    ("cusgd_trainer_device_name", C.c_char_p, [C.c_void_p]),
    ("cusgd_trainer_get_coefficients", C.c_int, [C.c_void_p, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_trainer_set_coefficients", C.c_int, [C.c_void_p, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_trainer_get_standardization", C.c_int, [C.c_void_p, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_trainer_predict", C.c_int, [C.c_void_p, C.c_void_p, C.c_int, C.POINTER(C.c_double)]),
    ("cusgd_trainer_evaluate", C.c_int, [C.c_void_p, C.c_void_p, C.c_int64, C.POINTER(cusgd_metrics)]),
    ("cusgd_trainer_evaluate_valid", C.c_int, [C.c_void_p, C.c_int64, C.POINTER(cusgd_metrics)]),
    ("cusgd_trainer_create_model", C.c_int, [C.c_void_p, C.POINTER(C.c_void_p)]),
    ("cusgd_sweep_create", C.c_int, [C.c_void_p, C.c_void_p, C.c_void_p, C.POINTER(cusgd_sweep_plan), C.POINTER(C.c_void_p)]),
    ("cusgd_sweep_free", None, [C.c_void_p]),
    ("cusgd_sweep_outcome", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(cusgd_outcome)]),
    ("cusgd_sweep_losses", C.POINTER(C.c_double), [C.c_void_p, C.c_size_t]),
    ("cusgd_sweep_chosen", C.c_size_t, [C.c_void_p]),
    ("cusgd_sweep_outputs", C.c_int64, [C.c_void_p]),
    ("cusgd_sweep_chosen_for", C.c_size_t, [C.c_void_p, C.c_int64]),
    ("cusgd_sweep_create_model", C.c_int, [C.c_void_p, C.POINTER(C.c_void_p)]),
    ("cusgd_path_create", C.c_int, [C.c_void_p, C.c_void_p, C.POINTER(cusgd_path_plan), C.POINTER(C.c_void_p)]),
    ("cusgd_path_free", None, [C.c_void_p]),
    ("cusgd_path_reads", C.c_int, [C.c_char_p]),
    ("cusgd_path_at", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(cusgd_path_point)]),
    ("cusgd_path_losses", C.POINTER(C.c_double), [C.c_void_p, C.c_size_t]),
    ("cusgd_path_coefficients", C.POINTER(C.c_double), [C.c_void_p, C.c_size_t]),
    ("cusgd_path_chosen", C.c_size_t, [C.c_void_p]),
    ("cusgd_path_create_model", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(C.c_void_p)]),
    ("cusgd_expression_compile", C.c_int, [C.c_char_p, C.POINTER(cusgd_expression_names), C.POINTER(C.c_void_p)]),
    ("cusgd_expression_free", None, [C.c_void_p]),
    ("cusgd_expression_variables", C.c_size_t, [C.c_void_p]),
    ("cusgd_expression_results", C.c_size_t, [C.c_void_p]),
    ("cusgd_expression_variable", C.c_char_p, [C.c_void_p, C.c_size_t]),
    ("cusgd_expression_compares", C.c_int, [C.c_void_p, C.c_size_t]),
    ("cusgd_expression_evaluate", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_expression_gradient", C.c_int, [C.c_void_p, C.c_int, C.c_size_t, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_expression_hessian", C.c_int, [C.c_void_p, C.c_size_t, C.POINTER(C.c_double), C.POINTER(C.c_double)]),
    ("cusgd_expression_minimize", C.c_int, [C.c_void_p, C.POINTER(cusgd_search), C.POINTER(C.c_double), cusgd_iterate_callback, C.c_void_p, C.POINTER(cusgd_search_result)]),
    ("cusgd_expression_solve", C.c_int, [C.c_void_p, C.POINTER(cusgd_search), C.POINTER(C.c_double), cusgd_iterate_callback, C.c_void_p, C.POINTER(cusgd_search_result)]),
    ("cusgd_file_is_libsvm", C.c_int, [C.c_char_p]),
    ("cusgd_data_open", C.c_int, [C.c_char_p, C.POINTER(cusgd_reader), C.POINTER(C.c_void_p)]),
    ("cusgd_data_arrow", C.c_int, [C.c_void_p, C.POINTER(cusgd_reader), C.POINTER(C.c_void_p)]),
    ("cusgd_data_first_line", C.c_int64, [C.c_void_p]),
    ("cusgd_data_fault", C.c_int, [C.c_void_p]),
    ("cusgd_handle_faults", None, []),
    ("cusgd_data_add_file", C.c_int, [C.c_void_p, C.c_char_p, C.c_void_p, C.c_size_t, C.c_size_t]),
    ("cusgd_data_reader", C.c_int, [C.c_void_p, C.POINTER(cusgd_reader)]),
    ("cusgd_model_reader", C.c_int, [C.c_void_p, C.POINTER(cusgd_reader)]),
    ("cusgd_file_check", C.c_int, [C.c_char_p]),
    ("cusgd_file_write", C.c_int, [C.c_char_p, C.c_void_p, C.c_size_t]),
    ("cusgd_array_save", C.c_int, [C.c_char_p, C.c_int64, C.c_int64, C.POINTER(C.c_double)]),
    ("cusgd_predictions_save", C.c_int, [C.c_void_p, C.c_int, C.c_int64, C.POINTER(C.c_double), C.c_char_p]),
    ("cusgd_data_save", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(cusgd_folder_options)]),
    ("cusgd_folder_create", C.c_int, [C.c_char_p, C.POINTER(cusgd_folder_options), C.POINTER(C.c_void_p)]),
    ("cusgd_folder_append", C.c_int, [C.c_void_p, C.c_void_p]),
    ("cusgd_folder_finish", C.c_int, [C.c_void_p]),
    ("cusgd_folder_free", None, [C.c_void_p]),
    ("cusgd_folder_check", C.c_int, [C.c_char_p]),
    ("cusgd_table_open", C.c_int, [C.c_char_p, C.POINTER(cusgd_reader), C.POINTER(C.c_void_p)]),
    ("cusgd_table_free", None, [C.c_void_p]),
    ("cusgd_table_rows", C.c_int64, [C.c_void_p]),
    ("cusgd_table_cols", C.c_int64, [C.c_void_p]),
    ("cusgd_table_at", C.c_int, [C.c_void_p, C.c_int64, C.POINTER(cusgd_table_column)]),
    ("cusgd_table_format", None, [C.c_void_p, C.POINTER(cusgd_dialect), C.POINTER(C.c_int)]),
    ("cusgd_table_options", C.c_char_p, [C.c_void_p]),
    ("cusgd_table_note", C.c_char_p, [C.c_void_p, C.c_size_t]),
    ("cusgd_generator_init", C.c_int, [C.POINTER(cusgd_generator)]),
    ("cusgd_generate", C.c_int, [C.POINTER(cusgd_generator), C.c_char_p, C.c_int]),
    ("cusgd_data_generate", C.c_int, [C.POINTER(cusgd_generator), C.POINTER(C.c_void_p)]),
    ("cusgd_read_bandwidth", C.c_int, [C.c_char_p, C.c_int, C.c_int64, C.POINTER(C.c_double)]),
    ("cusgd_check", C.c_int, [C.c_void_p, C.c_void_p, C.c_int64, C.POINTER(cusgd_check_report)]),
    ("cusgd_world_launcher", C.c_char_p, []),
    ("cusgd_world_open", C.c_int, [C.c_char_p, C.c_double, C.POINTER(C.c_void_p)]),
    ("cusgd_world_mpi", C.c_int, [C.c_void_p, C.c_double, C.POINTER(C.c_void_p)]),
    ("cusgd_world_rank", C.c_int, [C.c_void_p]),
    ("cusgd_world_ranks", C.c_int, [C.c_void_p]),
    ("cusgd_world_stopped", C.c_int, [C.c_void_p]),
    ("cusgd_data_open_shared", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(cusgd_reader), C.POINTER(C.c_void_p)]),
    ("cusgd_trainer_create_shared", C.c_int, [C.c_void_p, C.c_void_p, C.c_void_p, C.c_void_p, C.POINTER(C.c_void_p)]),
    ("cusgd_sweep_create_shared", C.c_int, [C.c_void_p, C.c_void_p, C.c_void_p, C.c_void_p, C.POINTER(cusgd_sweep_plan), C.POINTER(C.c_void_p)]),
    ("cusgd_world_fail", None, [C.c_void_p, C.c_char_p]),
    ("cusgd_world_agree", C.c_int, [C.c_void_p, C.c_int, C.POINTER(C.c_int)]),
    ("cusgd_world_close", None, [C.c_void_p, C.c_int]),
]


def declare(library: C.CDLL) -> None:
    """Give the functions of the library their types."""
    for name, result, arguments in FUNCTIONS:
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
