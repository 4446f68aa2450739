# find_package(Emnify) defines two targets to link with:
#
#   Emnify::emnify          the shared library
#   Emnify::emnify_static   the static library, with the libraries that it needs (not on Windows)
#
# Paths are relative to this file, so that the installed files can be moved together.

get_filename_component(_emnify_libdir "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(_emnify_includedir "${_emnify_libdir}/@INCLUDE_FROM_LIB@")

if(NOT TARGET Emnify::emnify)
  add_library(Emnify::emnify SHARED IMPORTED)
  set_target_properties(Emnify::emnify PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_emnify_includedir}")
  if(WIN32)
    set_target_properties(Emnify::emnify PROPERTIES
      IMPORTED_LOCATION "${_emnify_libdir}/../bin/emnify.dll"
      IMPORTED_IMPLIB "${_emnify_libdir}/libemnify.dll.a")
  else()
    set_target_properties(Emnify::emnify PROPERTIES
      IMPORTED_LOCATION "${_emnify_libdir}/libemnify.so.@VERSION@"
      IMPORTED_SONAME "@SONAME@")
  endif()
endif()

if(NOT WIN32 AND NOT TARGET Emnify::emnify_static)
  add_library(Emnify::emnify_static STATIC IMPORTED)
  set_target_properties(Emnify::emnify_static PROPERTIES
    IMPORTED_LOCATION "${_emnify_libdir}/libemnify.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES "C"
    INTERFACE_INCLUDE_DIRECTORIES "${_emnify_includedir}"
    INTERFACE_LINK_LIBRARIES "@CMAKE_NATIVE_LIBS@")
endif()

unset(_emnify_libdir)
unset(_emnify_includedir)
