#define REAL double
#include "interface_real.h"
