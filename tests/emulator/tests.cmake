# Tests of the CUDA module on the emulated GPU: those of the interface and the golden trajectories, in several orders of threads and
# lazinesses of streams (emulator.h).
# Each backend that is opened takes 64 MB, which glibc would give back to the system and fetch anew: most of a short test's time.
set(emulated_heap MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4000000000)
set(emulated_module ${PROJECT_BINARY_DIR}/emulated)
# Graphs of 16 steps: where the module's own are longer (test_switches.c), the tests' short runs would have none.
set(emulated_graph CUSGD_CUDA_GRAPH=16)
function(add_emulated_test name order laziness command)
    add_test(NAME ${name} COMMAND ${command} ${ARGN})
    set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "${failures}")
    set_property(TEST ${name} PROPERTY ENVIRONMENT ${settings} CUSGD_INTERFACE_DEVICE=cuda CUSGD_TEST_DEVICE=cuda
                 CUSGD_MODULE_DIR=${emulated_module}
                 CUSGD_EMULATOR_ORDER=${order} CUSGD_EMULATOR_LAZINESS=${laziness} ${emulated_heap} ${emulated_graph})
endfunction()

# Each setting once in scripts/test.sh: a sanitizer's build, which is slow, has the most mixed of them. The solvers' own memory
# is the host's; of the device they use what the interface's tests have already shown to a sanitizer. What takes longest is run in the
# easiest setting by `ctest -C Torture` (scripts/torture.sh) alone.
set(emulator_settings "forward-eager 0 0" "reverse-lazy 1 1")
set(longest_forward-eager test-interface-steps test-interface-failures test-interface-large test-interface-wide test-solvers test-solver-fits)
set(emulated_interface test-interface-data test-interface-state test-interface-passes test-interface-generate test-interface-hessian
                  test-interface-failures test-interface-steps test-interface-large test-interface-wide test-interface-classes
                  test-interface-models test-interface-products test-interface-numbers test-interface-shards
                  test-interface-losses
                  test-interface-sparse)
set(emulated_solvers test-solvers test-solver-fits test-solvers-hard)
set(late 0)
if(CUSGD_SANITIZE)
    set(late 1)
    set(emulator_settings "shuffled 5 7")
    set(emulated_solvers)
endif()
foreach(setting IN LISTS emulator_settings)
    separate_arguments(setting)
    list(POP_FRONT setting word order laziness)
    foreach(test IN LISTS emulated_interface emulated_solvers ITEMS test-check)
        set(when)
        if(test IN_LIST longest_${word})
            set(when CONFIGURATIONS Torture)
        endif()
        add_emulated_test(${test}-emul-${word} ${order} ${laziness} ${test} ${when})
        if(CUSGD_SANITIZE AND test IN_LIST longest_forward-eager) # short forms; the other builds run the whole
            set_property(TEST ${test}-emul-${word} APPEND PROPERTY ENVIRONMENT CUSGD_INTERFACE_SHORT=1)
        endif()
    endforeach()
    add_emulated_test(test-training-emul-${word} ${order} ${laziness} test-training --filter training/golden_trajectories)
    add_emulated_test(test-partial-emul-${word} ${order} ${laziness} test-partial --filter partial/pieces*)
    add_emulated_test(test-stream-gpu-emul-${word} ${order} ${laziness} test-stream-gpu)
    add_emulated_test(test-state-emul-${word} ${order} ${laziness} test-state --filter state/on_the_device)
    add_emulated_test(test-sparse-emul-${word} ${order} ${laziness} test-sparse --filter sparse/@\(*dense_matrix|lazy_steps*\))
    add_emulated_test(test-sparse-more-emul-${word} ${order} ${laziness} test-sparse --filter sparse/@\(other_rows*|a_saved*|solvers_find*\))
    add_emulated_test(test-own-loss-emul-${word} ${order} ${laziness} test-own-loss)
    add_emulated_test(test-sweep-emul-${word} ${order} ${laziness} test-sweep --filter sweep/losses*)
    add_emulated_test(test-sweep-passes-emul-${word} ${order} ${laziness} test-sweep-passes --filter sweep_passes/passes*)
    add_emulated_test(test-path-emul-${word} ${order} ${laziness} test-path --filter "path/@(is|logistic)*")
    if(NOT CUSGD_SANITIZE) # whose other tests reach the same code
        add_emulated_test(test-penalties-emul-${word} ${order} ${laziness} test-penalties --filter penalties/columns_of*)
    endif()
endforeach()

# A GPU without clusters, on which no kernel begins early.
add_emulated_test(test-interface-large-emul-older 0 0 test-interface-large --filter interface_large/engines_and_lengths_of_rows)
set_property(TEST test-interface-large-emul-older APPEND PROPERTY ENVIRONMENT CUSGD_EMULATOR_CAPABILITY=8)

# Kernels that say what they access: short forms of what runs each kernel.
if(watched_kernels)
    set(emulated_module ${PROJECT_BINARY_DIR}/emulated/watched)
    foreach(test IN ITEMS test-interface-data test-interface-passes test-interface-steps test-interface-large test-interface-models test-interface-products test-interface-numbers
                         test-interface-shards test-interface-sparse)
        set(filter)
        if(test STREQUAL test-interface-large)
            set(filter --filter interface_large/engines_and_lengths_of_rows)
        elseif(test STREQUAL test-interface-passes)
            set(filter --filter interface_passes/objective_gradient_and_predictions)
        elseif(test STREQUAL test-interface-shards)
            set(filter --filter interface_shards/a_loss*)
        elseif(test STREQUAL test-interface-steps)
            set(filter --filter interface_steps/many_columns_many_rows)
        endif()
        add_emulated_test(${test}-emul-watched 1 1 ${test} ${filter})
        set_property(TEST ${test}-emul-watched APPEND PROPERTY ENVIRONMENT CUSGD_INTERFACE_SHORT=1)
    endforeach()
    add_emulated_test(test-training-emul-watched 0 1 test-training --filter training/golden_trajectories)
    set(emulated_module ${PROJECT_BINARY_DIR}/emulated)
endif()

add_executable(test-module test_module.c test_module_calls.c ${PROJECT_SOURCE_DIR}/host/cuda/code.c)
target_include_directories(test-module PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-module PRIVATE cusgd-test-support)
add_emulated_test(test-module-emul 0 0 test-module)

foreach(name IN ITEMS windows place)
    add_executable(test-${name} test_${name}.c)
    target_include_directories(test-${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(test-${name} PRIVATE cusgd-test-support)
    foreach(setting IN LISTS emulator_settings)
        separate_arguments(setting)
        list(POP_FRONT setting word order laziness)
        add_emulated_test(test-${name}-emul-${word} ${order} ${laziness} test-${name})
    endforeach()
endforeach()

add_executable(test-sparse-calls test_sparse_calls.c)
target_include_directories(test-sparse-calls PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-sparse-calls PRIVATE cusgd-test-support)
add_emulated_test(test-sparse-calls-emul 0 ${late} test-sparse-calls)

add_executable(test-switches test_switches.c)
target_include_directories(test-switches PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-switches PRIVATE cusgd-test-support)
add_dependencies(test-switches cusgd-command cusgd-cuda-emulated)
if(NOT CUSGD_SANITIZE) # it opens the module again and again; the rest of what it runs the other tests run, too
    add_emulated_test(test-switches-emul 0 0 test-switches)
endif()

# Slices of steps, in streams that are late: only there has the host anything to wait for.
add_executable(test-slices test_slices.c)
target_include_directories(test-slices PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-slices PRIVATE cusgd-test-support)
add_emulated_test(test-slices-emul 0 1 test-slices)

# Every call of a training run made to fail; where a sanitizer looks on, with streams that are late.
add_executable(test-faults test_faults.c)
target_include_directories(test-faults PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-faults PRIVATE cusgd-test-support)
add_dependencies(test-faults cusgd-command cusgd-cuda-emulated)
add_emulated_test(test-faults-emul 0 ${late} test-faults)

if(NOT CUSGD_SANITIZE)
    add_emulated_test(test-repeat-emul 0 0 test-repeat)
    add_emulated_test(kills-emul 0 0 ${PROJECT_SOURCE_DIR}/tests/kill.sh $<TARGET_FILE:cusgd-command> 10 --device cuda --optimizer adam --rate
                      0.01 --batch 64 --average)
    set_property(TEST kills-emul APPEND PROPERTY ENVIRONMENT KILL_ROWS=1000 KILL_EPOCHS=4 KILL_EVERY=3steps
                 KILL_CALLS=$<TARGET_FILE:failing-calls>)
endif()

# Several ranks, each with an emulated GPU: as threads of one process,
add_executable(test-exchange test_exchange.c)
target_include_directories(test-exchange PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_link_libraries(test-exchange PRIVATE cusgd-test-support)
add_emulated_test(test-exchange-emul 0 0 test-exchange)
set_property(TEST test-exchange-emul APPEND PROPERTY ENVIRONMENT CUSGD_EMULATOR_GPUS=3 CUSGD_NCCL=${emulated_module}/libcusgd-cuda.so)

# and as processes.
find_program(CUSGD_MPIRUN NAMES mpirun.openmpi mpirun.mpich)
if(CUSGD_MPIRUN AND mpi_modules AND NOT CUSGD_SANITIZE)
    add_test(NAME ranks-emul COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/ranks.sh ${PROJECT_BINARY_DIR})
    set_tests_properties(ranks-emul PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT "${emulated_heap}")
endif()
