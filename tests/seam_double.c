#define REAL double
#include "seam_real.h"
