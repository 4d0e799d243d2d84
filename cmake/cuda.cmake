# The CUDA module, libcusgd-cuda.so: what libcusgd opens at run time where there is a GPU. Built where nvcc is; what is built
# besides, and the command's behavior without a GPU, do not depend on it.

set(CUSGD_CUDA AUTO CACHE STRING "Build the CUDA module: ON, OFF, or AUTO, where it can be built")
set_property(CACHE CUSGD_CUDA PROPERTY STRINGS AUTO ON OFF)
include(${CMAKE_CURRENT_LIST_DIR}/nvcc.cmake)

target_link_libraries(cusgd-build INTERFACE ${CMAKE_DL_LIBS})
target_link_libraries(cusgd PRIVATE ${CMAKE_DL_LIBS})

# Sets `missing` to why the module is not built, or to nothing.
macro(find_cuda)
    set(missing)
    include(CheckLanguage)
    if(NOT CUSGD_CUDA)
        set(missing "CUSGD_CUDA is OFF")
    elseif(CUSGD_SANITIZE AND CUSGD_CUDA STREQUAL "AUTO")
        set(missing "sanitizers see nothing of a GPU")
    else()
        check_language(CUDA)
        if(NOT CMAKE_CUDA_COMPILER)
            set(missing "no nvcc that works with this C++ compiler")
        endif()
    endif()
    if(NOT missing)
        nvcc_version(${CMAKE_CUDA_COMPILER} cuda_version)
        if(NOT cuda_version)
            set(missing "${CMAKE_CUDA_COMPILER} does not tell its version")
        elseif(cuda_version VERSION_LESS cuda_oldest)
            set(missing "nvcc ${cuda_version} is older than ${cuda_oldest}")
        endif()
    endif()
endmacro()

find_cuda()
if(missing)
    if(CUSGD_CUDA STREQUAL "ON")
        message(FATAL_ERROR "CUDA module: ${missing}")
    endif()
    message(STATUS "CUDA module: not built (${missing})")
    return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    nvcc_architectures(${cuda_version} cuda_architectures cuda_left_out)
    set(CMAKE_CUDA_ARCHITECTURES ${cuda_architectures} CACHE STRING "GPUs that the CUDA module has code for")
    if(cuda_left_out)
        message(STATUS "CUDA module: ${cuda_left_out}")
    endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED COMPONENTS cublas curand cudart)
message(STATUS "CUDA module: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

file(GLOB cuda_sources CONFIGURE_DEPENDS host/cuda/*.c)
file(GLOB kernel_sources CONFIGURE_DEPENDS kernels/*.cu)
add_library(cusgd-cuda-host OBJECT ${cuda_sources})
target_include_directories(cusgd-cuda-host PRIVATE ${PROJECT_SOURCE_DIR}/kernels)
target_include_directories(cusgd-cuda-host SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(cusgd-cuda-host PRIVATE cusgd-build)
list(JOIN CMAKE_CUDA_ARCHITECTURES "," architectures)
target_compile_definitions(cusgd-cuda-host PRIVATE CUSGD_ARCHITECTURES="${architectures}")

# Kernels are held to the CPU's arithmetic: nothing is contracted. Only what module.c exports is seen, and what it links is its own.
add_library(cusgd-cuda MODULE ${kernel_sources} $<TARGET_OBJECTS:cusgd-cuda-host>)
target_include_directories(cusgd-cuda PRIVATE ${PROJECT_SOURCE_DIR}/kernels ${PROJECT_SOURCE_DIR}/include)
target_compile_options(cusgd-cuda PRIVATE -fmad=false --Werror=all-warnings -Xcompiler=-Wall,-Wextra -Xptxas=-v)
if(CUSGD_WERROR)
    target_compile_options(cusgd-cuda PRIVATE -Xptxas=--warn-on-spills) # a kernel that spills does not build
endif()
target_link_libraries(cusgd-cuda PRIVATE CUDA::cudart_static CUDA::cublas CUDA::curand)
target_link_options(cusgd-cuda PRIVATE LINKER:-Bsymbolic LINKER:--exclude-libs,ALL)
set(cuda_launcher "${PROJECT_SOURCE_DIR}/cmake/nvcc_report.sh" ${CMAKE_CUDA_COMPILER_LAUNCHER})
set_target_properties(cusgd-cuda PROPERTIES
                      CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF CUDA_VISIBILITY_PRESET hidden
                      CUDA_RUNTIME_LIBRARY Static
                      CUDA_COMPILER_LAUNCHER "${cuda_launcher}"
                      BUILD_RPATH "${CUDAToolkit_LIBRARY_DIR}" INSTALL_RPATH "${CUDAToolkit_LIBRARY_DIR}")
install(TARGETS cusgd-cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/cusgd)
