# The HDF5 module, libcusgd-hdf5.so: what libcusgd opens at run time where a file is one of HDF5.

option(CUSGD_HDF5 "Build the HDF5 module where libhdf5 is found" ON)
if(NOT CUSGD_HDF5)
    return()
endif()
pkg_search_module(cusgd_hdf5 IMPORTED_TARGET hdf5 hdf5-serial) # as upstream and Fedora, and as Debian call it
if(NOT cusgd_hdf5_FOUND)
    message(STATUS "HDF5 module: not built (pkg-config does not know hdf5)")
    return()
endif()
add_library(cusgd-hdf5 MODULE host/hdf5/module.c)
target_include_directories(cusgd-hdf5 PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/host)
target_link_libraries(cusgd-hdf5 PRIVATE cusgd-flags PkgConfig::cusgd_hdf5 Threads::Threads)
install(TARGETS cusgd-hdf5 LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/cusgd)
