# The probe of tests/gpu on the emulated GPU, but for what needs blocks that run side by side, clusters or bulk copies: its sums must
# be right; and with a planted bug, elements that are never used, it must say so.
set(probe_includes "#include \"${PROJECT_SOURCE_DIR}/kernels/update.cu\"\n")
foreach(name IN ITEMS probe probe_blas probe_latency probe_launch probe_update)
    string(APPEND probe_includes "#include \"${PROJECT_SOURCE_DIR}/tests/gpu/${name}.cu\"\n")
endforeach()
set(probe_most ${CMAKE_CURRENT_BINARY_DIR}/probe/probe_most.cu)
file(CONFIGURE OUTPUT ${probe_most} CONTENT "${probe_includes}" @ONLY)
set(probe_memory ${PROJECT_SOURCE_DIR}/tests/gpu/probe_memory.cu)
set(probe_faulty ${CMAKE_CURRENT_BINARY_DIR}/faulty/probe_memory/probe_memory.cu)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${probe_memory})
file(READ ${probe_memory} text)
string(REPLACE "mine += words_sum(v[u]);" "mine += words_sum(v[0]);" changed "${text}")
if(text STREQUAL changed)
    message(FATAL_ERROR "planted bug of the probe: its line is no longer in ${probe_memory}")
endif()
file(CONFIGURE OUTPUT ${probe_faulty} CONTENT "${changed}" @ONLY)

emulated_kernels(emulated-probe ${probe_most})
target_include_directories(emulated-probe PRIVATE ${PROJECT_SOURCE_DIR}/tests/gpu)
emulated_kernels(emulated-probe-memory ${probe_memory})
emulated_kernels(emulated-probe-faulty ${probe_faulty})
foreach(variant IN ITEMS memory faulty)
    target_compile_options(emulated-probe-${variant} PRIVATE -Wno-unknown-pragmas) # nvcc's unroll
    target_include_directories(emulated-probe-${variant} PRIVATE ${PROJECT_SOURCE_DIR}/tests/gpu)
    add_executable(gpu-probe-${variant}-emulated probe_main.cpp)
    target_link_libraries(gpu-probe-${variant}-emulated PRIVATE emulator emulated-probe emulated-probe-${variant} emulator-headers
                          emulator-libraries)
endforeach()
add_test(NAME gpu-probe-emul COMMAND gpu-probe-memory-emulated --small)
set_tests_properties(gpu-probe-emul PROPERTIES ENVIRONMENT "${settings};CUSGD_EMULATOR_ORDER=5;CUSGD_EMULATOR_LAZINESS=7" FAIL_REGULAR_EXPRESSION "${failures}")
add_test(NAME gpu-probe-faulty-emul COMMAND gpu-probe-faulty-emulated --small)
set_tests_properties(gpu-probe-faulty-emul PROPERTIES ENVIRONMENT "${settings}"
                     PASS_REGULAR_EXPRESSION "gpu-probe: wrong result: the sum of what was read")

# What proves a GPU, in its cheapest form.
add_test(NAME gpu-check-emul COMMAND ${PROJECT_SOURCE_DIR}/tests/gpu/test.sh ${PROJECT_BINARY_DIR}
         environment smoke bits probe steps profile check tests bench stream repeatability peers sanitizer)
set_tests_properties(gpu-check-emul PROPERTIES ENVIRONMENT "${settings};${emulated_heap}")
