# The CUDA module from the same sources once more, on the emulated GPU: emulated/libcusgd-cuda.so. Only tests point at it, by
# CUSGD_MODULE_DIR=${PROJECT_BINARY_DIR}/emulated.
file(GLOB module_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)
file(GLOB module_host CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/cuda/*.c)
emulated_kernels(emulated-kernels ${module_kernels})
add_library(emulated-host OBJECT ${module_host})
target_include_directories(emulated-host PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
target_include_directories(emulated-host SYSTEM PRIVATE ${CUSGD_CUDA_HEADERS})
target_link_libraries(emulated-host PRIVATE cusgd-build)
set(emulated_architectures CUSGD_ARCHITECTURES="80-real,90") # binary code to 9.x, PTX for later ones, nothing for earlier ones
target_compile_definitions(emulated-host PRIVATE ${emulated_architectures})
add_library(cusgd-cuda-emulated MODULE $<TARGET_OBJECTS:emulator> $<TARGET_OBJECTS:emulated-kernels> $<TARGET_OBJECTS:emulated-host>)
target_link_libraries(cusgd-cuda-emulated PRIVATE emulator-libraries)
target_link_options(cusgd-cuda-emulated PRIVATE LINKER:-Bsymbolic)
set_target_properties(cusgd-cuda-emulated PROPERTIES OUTPUT_NAME cusgd-cuda LINKER_LANGUAGE CXX
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/emulated)

# The same module whose kernels say what they access (races.h): emulated/watched/libcusgd-cuda.so.
if(watched_kernels)
    emulated_kernels(watched-kernels WATCHED ${module_kernels})
    add_library(cusgd-cuda-watched MODULE $<TARGET_OBJECTS:emulator> $<TARGET_OBJECTS:emulator-instrument>
                $<TARGET_OBJECTS:watched-kernels> $<TARGET_OBJECTS:emulated-host>)
    target_link_libraries(cusgd-cuda-watched PRIVATE emulator-libraries)
    target_link_options(cusgd-cuda-watched PRIVATE LINKER:-Bsymbolic)
    set_target_properties(cusgd-cuda-watched PROPERTIES OUTPUT_NAME cusgd-cuda LINKER_LANGUAGE CXX
                          LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/emulated/watched)
endif()

# Counts of the lines of this module that its tests execute. Kernels are optimized less than else: what is inlined keeps its lines.
option(CUSGD_COVERAGE "Count which lines of the CUDA module its tests on the emulated GPU execute (scripts/coverage.sh)" OFF)
if(CUSGD_COVERAGE)
    target_compile_options(emulated-kernels PRIVATE -O1 --coverage)
    target_compile_options(emulated-host PRIVATE -O0 --coverage)
    target_link_options(emulator-libraries INTERFACE --coverage)
endif()
