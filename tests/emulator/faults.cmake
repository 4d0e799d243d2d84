# Planted bugs: the CUDA module with one line of its shipped sources changed, emulated/faulty/NAME/libcusgd-cuda.so. faults.sh
# shows that the tests of the device interface fail with each. Each is a build of its own: CUSGD_FAULTS=OFF leaves them out.
option(CUSGD_FAULTS "Build the planted bugs and the test that they are found" ON)
if(NOT CUSGD_FAULTS)
    return()
endif()

# fault(name source old new [WATCHED] [kernels...]): `old` occurs exactly once in the source; where that is a header, of these
# kernels. WATCHED: it is races.cpp that finds it.
function(fault name source old new)
    cmake_parse_arguments(PARSE_ARGV 4 fault WATCHED "" "")
    set(users ${fault_UNPARSED_ARGUMENTS})
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
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/faulty/${name})
    set(copy ${folder}/${file})
    file(CONFIGURE OUTPUT ${copy} CONTENT "${changed}" @ONLY)

    set(kernels $<TARGET_OBJECTS:emulated-kernels>)
    set(watched)
    if(fault_WATCHED)
        set(kernels $<TARGET_OBJECTS:watched-kernels> $<TARGET_OBJECTS:emulator-instrument>)
        set(watched WATCHED)
    endif()
    set(host $<TARGET_OBJECTS:emulated-host>)
    if(file MATCHES "\\.h$")
        file(GLOB headers ${PROJECT_SOURCE_DIR}/kernels/*.h)
        list(FILTER headers EXCLUDE REGEX "/${stem}\\.h$")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
        file(COPY ${headers} DESTINATION ${folder})
        set(copies)
        foreach(user IN LISTS users) # what stands beside the header's copy finds it first
            configure_file(${PROJECT_SOURCE_DIR}/kernels/${user}.cu ${folder}/${user}.cu COPYONLY)
            list(APPEND copies ${folder}/${user}.cu)
        endforeach()
        emulated_kernels(faulty-${name}-part ${watched} ${copies})
        list(JOIN users "|" users)
        set(kernels $<FILTER:${kernels},EXCLUDE,/\(${users}\)\\.cpp>)
    elseif(file MATCHES "\\.cu$")
        emulated_kernels(faulty-${name}-part ${watched} ${copy})
        set(kernels $<FILTER:${kernels},EXCLUDE,/${stem}\\.cpp>)
    else()
        add_library(faulty-${name}-part OBJECT ${copy})
        target_include_directories(faulty-${name}-part PRIVATE ${PROJECT_SOURCE_DIR}/host/cuda ${PROJECT_SOURCE_DIR}/kernels)
        target_include_directories(faulty-${name}-part SYSTEM PRIVATE ${CUSGD_CUDA_HEADERS})
        target_link_libraries(faulty-${name}-part PRIVATE cusgd-build)
        target_compile_definitions(faulty-${name}-part PRIVATE ${emulated_architectures})
        set(host $<FILTER:${host},EXCLUDE,/${stem}\\.c\\.>)
    endif()
    target_compile_options(faulty-${name}-part PRIVATE -O1) # each is run for seconds: it is to be built fast
    add_library(faulty-${name} MODULE $<TARGET_OBJECTS:emulator> $<TARGET_OBJECTS:faulty-${name}-part> ${kernels} ${host})
    target_link_libraries(faulty-${name} PRIVATE emulator-libraries)
    target_link_options(faulty-${name} PRIVATE LINKER:-Bsymbolic)
    set_target_properties(faulty-${name} PROPERTIES OUTPUT_NAME cusgd-cuda LINKER_LANGUAGE CXX
                          LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/emulated/faulty/${name})
endfunction()

function(add_faults_test kind)
    add_test(NAME planted-emul COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/faults.sh ${PROJECT_BINARY_DIR} ${kind})
    # COST: the longest of the tests is started first.
    set_tests_properties(planted-emul PROPERTIES ENVIRONMENT "${settings}" COST 1000 LABELS planted)
endfunction()

# Those that AddressSanitizer alone sees.
if(CUSGD_SANITIZE MATCHES address)
    fault(past-end kernels/convert.cu "for (; j < t.cols; j += step) {" "for (; j <= t.cols; j += step) {")
    fault(short-shared kernels/loss.cu "SHARED(double, shared, 2 * THREADS);" "SHARED(double, shared, 2 * THREADS - 1);")
    fault(host-read host/cuda/pass.c "TRY(download_bytes(c, w->state, sizeof state, &state));"
          "TRY(cuda_synchronize(c)); state = *w->state;")
    add_faults_test(SANITIZED)
    return()
endif()
add_faults_test(PLAIN)

fault(grid-limit kernels/curvature.cu "dim3 segments = matrix_grid(t->segments, t->d + 1, by_column, 1);"
      "dim3 segments(groups_of(t->segments, by_column.y), groups_of(t->d + 1, by_column.x));")
fault(grid-step kernels/curvature.cu "j <= t.d; j += step)" "j <= t.d; j += t.d + 1) (void)step,")
fault(graph-refused host/cuda/step.c "cusgd_status status = one_step(c, row, 0);"
      "cusgd_status status = one_step(c, row, 0) ? CUSGD_OK : CUSGD_ERROR_DEVICE;")
fault(graph-told host/cuda/step.c "    c->has_note = 1;\n" "")
fault(no-barrier kernels/curvature.cu "        __syncthreads();\n" "")
fault(no-meeting kernels/block.h "    __syncthreads();\n    return shared[0]" "    return shared[0]" loss)
fault(no-join host/cuda/step.c
      "return r->route.contiguous || !products ? CUSGD_OK : CUDA(cudaStreamWaitEvent(c->stream, c->joined, 0));" "return CUSGD_OK;")
fault(no-wait host/cuda/step.c "TRY(CUDA(cudaEventSynchronize(r->uploaded[r->turn])));" "")
fault(unset host/cuda/state.c "return CUDA(cudaMemsetAsync(*out, 0, (size_t)size * c->element, c->stream));" "return CUSGD_OK;")
fault(formula kernels/update.h "now.rows = (double)row->count;" "now.rows = (double)row->count + 1;" update fused persistent)
fault(penalty kernels/update.h "own, limited, penalized, *point, g, q)" "own, limited, 1 | penalized, *point, g, q)" update fused persistent)
fault(clip kernels/update.cu "total += squares[c]" "total = squares[c]")
fault(look-ahead kernels/update.h "*point = gradient_point<real>(now.rule, now.next, q->theta, q->slot1);" "*point = q->theta;" update fused
      persistent)
fault(fused-meeting kernels/parts.h "    __syncthreads();\n    if (c.group > 0 ||" "    if (c.group > 0 ||" fused)
fault(fused-place kernels/fused.h "from_owner(row, u, width)" "from_owner(row, 0, width)" fused)
fault(fused-parts kernels/parts.h "int64_t part = first + (int64_t)l * groups;" "int64_t part = first + l;" fused)
fault(fused-end kernels/fused.h "rest = begin < count ? count - begin : 0;" "rest = begin < count ? count - begin - (begin > 0) : 0;" fused)
fault(offset kernels/fused.h "if (r.o) prediction += offset;" "(void)offset;" persistent)
fault(cluster-barrier kernels/fused.h "    exchange_await(round, turn >> 1 & 1);\n" "" cluster)
fault(cluster-turn kernels/fused.h "exchange *round = p.sent + (turn & 1);" "exchange *round = p.sent;" cluster)
fault(cluster-rank kernels/fused.h "for (int r = half; r < half + 4; r++)" "for (int r = half; r < half + 3; r++)" cluster)
fault(cluster-piece kernels/cluster.cu "p.room = last ? (int)t.stride - p.first : each;" "p.room = each - L::VALUES;")
fault(place-early host/cuda/place.c "status = CUDA(cudaStreamWaitEvent(c->stream, ready, 0));" "(void)c;")
fault(place-rows host/cuda/stage.c "t.rows = c->ring.rows[slot];" "t.rows = NULL;")
fault(shard-tree kernels/shards.cu "real sum = tree_sum((const real *)t.sums + u, t.stride, t.count);"
      "real sum = 0; for (int h = 0; h < t.count; h++) sum += ((const real *)t.sums)[h * t.stride + u];")
fault(shard-table host/cuda/shards.c "s->count > 1 ? h + 1 : 0" "s->count > 1")
fault(early-turn host/cuda/step.c "batch b = {0, c->run.route.rows, i % 2};" "batch b = {0, c->run.route.rows, 0}; (void)i;")
fault(early-wait kernels/fused.cu "    wait_for_earlier();\n" "")
fault(grid-barrier kernels/persistent.cu "if (gridDim.x > 1) met = grid_barrier(flags, (unsigned)i + 1);" "(void)flags;")
fault(list-context host/cuda/module.c "TRY(CUDA(cudaGetDeviceProperties(&properties, index)));"
      "TRY(CUDA(cudaSetDevice(index))); TRY(CUDA(cudaGetDeviceProperties(&properties, index)));")
fault(barrier-missed kernels/persistent.cu "if (!met) break;" "if (!met) met = true;")
fault(idle host/cuda/step.c "TRY(CUDA(cudaEventSynchronize(r->ran[before])));" "TRY(cuda_synchronize(c));")
fault(late-end host/cuda/step.c "*failed = *r->stopped[before] != 0;" "")
fault(no-turn host/cuda/fused.c "if (*last && *last != c) TRY(CUDA(cudaStreamWaitEvent(c->stream, (*last)->persisted, 0)));" "")
fault(stage-wait kernels/persistent.cu "        copy_async_wait();\n        __syncthreads();\n        bring_row" "        __syncthreads();\n        bring_row")
fault(stage-turn kernels/persistent.cu "p, own, !turn);" "p, own, turn);")
fault(truncate kernels/convert.cu "{ *to = bf16_of(v); }" "{ *to = {(uint16_t)(__float_as_uint((float)v) >> 16)}; }")
fault(half-read kernels/bandwidth.cu "for (; i < packs; i += step) {" "for (; i < packs - 1; i += step) {")
if(watched_kernels)
    fault(barrier-release kernels/port.h "if (threadIdx.x == 0) store_release(flags + blockIdx.x, round);"
          "if (threadIdx.x == 0) *(volatile unsigned *)(flags + blockIdx.x) = round;" WATCHED persistent)
    fault(barrier-acquire kernels/port.h "do seen = load_acquire(flags + i);" "do seen = *(const volatile unsigned *)(flags + i);"
          WATCHED persistent)
    fault(ticket-release kernels/block.h "shared[0] = count_arrival(arrived);"
          "{ shared[0] = atomicAdd(arrived, 1u); __threadfence(); }" WATCHED fused)
    fault(ticket-acquire kernels/block.h "shared[0] = count_arrival(arrived);"
          "{ __threadfence(); shared[0] = atomicAdd(arrived, 1u); }" WATCHED fused)
    fault(loss-release kernels/block.h "shared[0] = count_arrival(arrived);"
          "{ shared[0] = atomicAdd(arrived, 1u); __threadfence(); }" WATCHED loss)
    fault(clip-release kernels/update.cu "count_arrival(&t.state->arrived)" "atomicAdd(&t.state->arrived, 1u)" WATCHED)
    fault(early-let kernels/fused.h "    wait_for_earlier();\n    let_later_begin();\n"
          "    let_later_begin();\n    wait_for_earlier();\n" WATCHED fused cluster)
    fault(early-read kernels/fused.cu "    wait_for_earlier();\n    int64_t step = t.state->active;\n"
          "    int64_t step = t.state->active;\n    wait_for_earlier();\n" WATCHED)
endif()
# Not a bug of ours: a cuRAND of another order. The kernels then make the words, and the test passes.
fault(other-words kernels/generate.cu "!= words[at])" "== words[at])")
