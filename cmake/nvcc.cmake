# What an nvcc compiles: its version, and the kinds of GPU that the CUDA module can have code for.

set(cuda_oldest 12.0)
# Compute capabilities and the first nvcc that compiles the module for each: 9.0 has asynchronous stores between the blocks of a
# cluster, which came with PTX ISA 8.1.
set(cuda_capabilities 75 80 90 100 120)
set(cuda_since_75 12.0)
set(cuda_since_80 12.0)
set(cuda_since_90 12.1)
set(cuda_since_100 12.8)
set(cuda_since_120 12.8)

# nvcc_version(COMPILER OUT): "12.8"; empty where it prints none.
function(nvcc_version compiler out)
    execute_process(COMMAND ${compiler} --version OUTPUT_VARIABLE text ERROR_QUIET)
    string(REGEX MATCH "release ([0-9]+\\.[0-9]+)" matched "${text}")
    set(${out} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()

# nvcc_architectures(VERSION OUT MISSING): as CMAKE_CUDA_ARCHITECTURES has them, binary code for all that this nvcc knows and PTX of
# the last, which drivers compile for newer GPUs; and a sentence about those that are left out, or nothing.
function(nvcc_architectures version out missing)
    set(known)
    set(left)
    foreach(capability IN LISTS cuda_capabilities)
        if(version VERSION_LESS cuda_since_${capability})
            string(REGEX REPLACE "(.)$" ".\\1" name ${capability})
            string(APPEND left " ${name} (from nvcc ${cuda_since_${capability}} on),")
        else()
            list(APPEND known ${capability}-real)
            set(last ${capability})
        endif()
    endforeach()
    list(TRANSFORM known REPLACE "^${last}-real$" ${last})
    set(${out} "${known}" PARENT_SCOPE)
    set(${missing} PARENT_SCOPE)
    if(left)
        string(REGEX REPLACE ",$" "" left "${left}")
        set(${missing} "nvcc ${version} has no code for GPUs of compute capability${left}; their driver compiles the module's PTX at its first use"
            PARENT_SCOPE)
    endif()
endfunction()
