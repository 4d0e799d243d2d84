# The longest tests, of all builds together, in the order in which ctest starts them: before all others, so that no processor is
# idle at the end. NAME-emul stands for each of its settings, too (emulator/tests.cmake).
set(longest_tests
    mpi planted-emul test-stream-gpu-emul test-stream gpu-check-emul ranks-emul test-windows-emul test-shards test-interface-large-emul
    test-monitor test-training test-command-calls test-place-emul test-command-train test-command-bench test-memory test-module-emul
    test-sparse-emul test-auto test-determinism test-interface-wide-emul test-command-solvers test-interface-passes-emul
    test-interface-shards-emul test-faults-emul test-interface-steps-emul test-csv test-training-emul test-sparse test-partial-emul
    test-interface-losses-emul test-command test-interrupt test-interface-failures-emul mpi-networks test-solvers-emul cli-dialects
    test-csv-threads test-own-loss test-interface-sparse-emul test-sampling structure-finds-faults)

# Of the tests of this folder.
function(start_longest_first)
    get_property(tests DIRECTORY PROPERTY TESTS)
    list(LENGTH longest_tests cost)
    foreach(name IN LISTS longest_tests)
        foreach(test IN LISTS tests)
            if(test STREQUAL name OR test MATCHES "^${name}-(forward|reverse|shuffled|older|watched)")
                set_tests_properties(${test} PROPERTIES COST ${cost})
            endif()
        endforeach()
        math(EXPR cost "${cost} - 1")
    endforeach()
endfunction()
