# Tests of the CUDA module on the emulated GPU: those of the seam and the golden trajectories, in several orders of threads and
# lazinesses of streams (emulator.h).
function(add_emulated_test name order laziness command)
    add_test(NAME ${name} COMMAND ${command} ${ARGN})
    set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "${failures}")
    set_property(TEST ${name} PROPERTY ENVIRONMENT ${settings} CUSGD_SEAM_DEVICE=cuda CUSGD_TEST_DEVICE=cuda
                 CUSGD_MODULE_DIR=${PROJECT_BINARY_DIR}/emulated
                 CUSGD_EMULATOR_ORDER=${order} CUSGD_EMULATOR_LAZINESS=${laziness})
endfunction()

# The optimised build runs one, a sanitizer's the others: each setting once in scripts/test.sh.
set(emulator_settings "forward-eager 0 0")
if(CUSGD_SANITIZE)
    set(emulator_settings "reverse-lazy 1 1" "shuffled 5 7")
endif()
foreach(setting IN LISTS emulator_settings)
    separate_arguments(setting)
    list(POP_FRONT setting word order laziness)
    foreach(test IN ITEMS test-seam-data test-seam-state test-seam-passes test-seam-steps test-seam-large)
        add_emulated_test(${test}-emul-${word} ${order} ${laziness} ${test})
    endforeach()
    add_emulated_test(test-training-emul-${word} ${order} ${laziness} test-training --filter training/golden_trajectories)
    add_emulated_test(test-check-emul-${word} ${order} ${laziness} test-check)
endforeach()

add_executable(test-module test_module.c)
target_include_directories(test-module PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-module PRIVATE cusgd-test-support)
add_emulated_test(test-module-emul 0 0 test-module)
