typedef float real;
#include "update_reference.h"

void reference_step_float(const update_task *t, int64_t step);
void reference_step_float(const update_task *t, int64_t step) { reference_step(t, step); }
