# The MPI modules, libcusgd-openmpi.so and libcusgd-mpich.so: what libcusgd opens at run time where several processes train. One is
# built for each MPI whose headers pkg-config knows; what is built besides does not depend on them.

option(CUSGD_MPI "Build the modules of the MPIs that are found" ON)
set(mpi_modules)

function(add_mpi_module name package)
    pkg_check_modules(cusgd_${name} IMPORTED_TARGET GLOBAL ${package})
    if(NOT cusgd_${name}_FOUND)
        message(STATUS "MPI module for ${name}: not built (pkg-config does not know ${package})")
        return()
    endif()
    add_library(cusgd-${name} MODULE host/mpi/world.c)
    target_include_directories(cusgd-${name} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/host)
    target_link_libraries(cusgd-${name} PRIVATE cusgd-flags PkgConfig::cusgd_${name})
    # MPICH's headers declare arrays of statuses, for which its MPI_STATUSES_IGNORE is none.
    target_compile_options(cusgd-${name} PRIVATE $<$<C_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
    set(mpi_modules ${mpi_modules} cusgd-${name} PARENT_SCOPE)
    install(TARGETS cusgd-${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/cusgd)
endfunction()

if(CUSGD_MPI)
    add_mpi_module(openmpi ompi-c)
    add_mpi_module(mpich mpich)
endif()
