# Planted bugs: the CUDA module with one line of its shipped sources changed, emulated/faulty/NAME/libcusgd-cuda.so. faults.sh
# shows that the tests of the seam fail with each.

# fault(name source old new): `old` occurs exactly once in the source.
function(fault name source old new)
    file(READ ${PROJECT_SOURCE_DIR}/${source} text)
    string(REPLACE "${old}" "${new}" changed "${text}")
    string(LENGTH "${text}" length)
    string(LENGTH "${changed}" found)
    string(LENGTH "${old}" old_length)
    string(LENGTH "${new}" new_length)
    math(EXPR expected "${length} + ${new_length} - ${old_length}")
    if(text STREQUAL changed OR NOT found EQUAL expected)
        message(FATAL_ERROR "planted bug ${name}: '${old}' is not once in ${source}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${source})
    get_filename_component(file ${source} NAME)
    get_filename_component(stem ${source} NAME_WE)
    set(copy ${CMAKE_CURRENT_BINARY_DIR}/faulty/${name}/${file})
    file(CONFIGURE OUTPUT ${copy} CONTENT "${changed}" @ONLY)

    set(kernels $<TARGET_OBJECTS:emulated-kernels>)
    set(host $<TARGET_OBJECTS:emulated-host>)
    if(file MATCHES "\\.cu$")
        emulated_kernels(faulty-${name}-part ${copy})
        set(kernels $<FILTER:${kernels},EXCLUDE,/${stem}\\.cpp>)
    else()
        add_library(faulty-${name}-part OBJECT ${copy})
        target_include_directories(faulty-${name}-part PRIVATE ${PROJECT_SOURCE_DIR}/host/cuda ${PROJECT_SOURCE_DIR}/kernels)
        target_include_directories(faulty-${name}-part SYSTEM PRIVATE ${CUSGD_CUDA_HEADERS})
        target_link_libraries(faulty-${name}-part PRIVATE cusgd-build)
        set(host $<FILTER:${host},EXCLUDE,/${stem}\\.c\\.>)
    endif()
    add_library(faulty-${name} MODULE $<TARGET_OBJECTS:emulator> $<TARGET_OBJECTS:faulty-${name}-part> ${kernels} ${host})
    target_link_libraries(faulty-${name} PRIVATE emulator-libraries OpenMP::OpenMP_C)
    target_link_options(faulty-${name} PRIVATE LINKER:-Bsymbolic)
    set_target_properties(faulty-${name} PROPERTIES OUTPUT_NAME cusgd-cuda LINKER_LANGUAGE CXX
                          LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/emulated/faulty/${name})
endfunction()

fault(past-end kernels/convert.cu "for (; j < t.cols; j += step) {" "for (; j <= t.cols; j += step) {")
fault(short-shared kernels/loss.cu "SHARED(double, shared, 2 * THREADS);" "SHARED(double, shared, 2 * THREADS - 1);")
fault(host-read host/cuda/pass.c "TRY(download_bytes(c, w->state, sizeof state, &state));"
      "TRY(cuda_synchronize(c)); state = *w->state;")
fault(no-barrier kernels/curvature.cu "        __syncthreads();\n" "")
fault(no-meeting kernels/loss.cu "    __syncthreads();\n    if (ticket[0] !=" "    if (ticket[0] !=")
fault(no-join host/cuda/step.c
      "return r->route.contiguous ? CUSGD_OK : CUDA(cudaStreamWaitEvent(c->stream, c->joined, 0));" "return CUSGD_OK;")
fault(no-wait host/cuda/step.c "TRY(CUDA(cudaEventSynchronize(r->uploaded[r->turn])));" "")
fault(unset host/cuda/state.c "return CUDA(cudaMemsetAsync(*out, 0, (size_t)size * c->element, c->stream));" "return CUSGD_OK;")
fault(formula kernels/update.cu "(real)(sum / (double)rows)" "(real)(sum / (double)(rows + 1))")
fault(penalty kernels/update.cu "t.penalty != NULL, penalised, point.at[v]" "t.penalty != NULL, 1, point.at[v]")
fault(clip kernels/update.cu "total += squares[c]" "total = squares[c]")
fault(look-ahead kernels/update.cu "point.at[v] = gradient_point<real>(rule, next, q.theta, q.slot1);" "point.at[v] = q.theta;")
# Not a bug of ours: a cuRAND of another order. The kernels then make the words, and the test passes.
fault(other-words kernels/generate.cu "!= words[at])" "== words[at])")

add_test(NAME planted-emul COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/faults.sh ${PROJECT_BINARY_DIR} "${CUSGD_SANITIZE}")
set_tests_properties(planted-emul PROPERTIES ENVIRONMENT "${settings}")
