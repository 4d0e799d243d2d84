#include "arguments.h"
#include "cli.h"

#include <string.h>

int devices_main(int argc, char **argv)
{
    const syntax s = {
        .word = "devices", .operands = "", .summary = "Lists what --device of train can name.", .example = "cusgd devices"};
    int status;
    if (!arguments_parse(&s, argc, argv, NULL, &status)) return status;
    cusgd_device device = CUSGD_INIT(cusgd_device);
    printf("%-8s  %-10s  %s\n", "DEVICE", "MEMORY", "NAME");
    for (size_t i = 0; cusgd_device_at(i, &device); i++) {
        char memory[32] = "-";
        if (device.memory > 0) snprintf(memory, sizeof memory, "%.1f GiB", (double)device.memory / (1 << 30));
        printf("%-8s  %-10s  %s%s%s%s\n", device.id, memory, device.usable ? device.name : "cannot be used",
               *device.note ? " (" : "", device.note, *device.note ? ")" : "");
    }
    return CUSGD_OK;
}
