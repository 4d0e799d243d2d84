#define REAL double
#include "scalar_real.h"
