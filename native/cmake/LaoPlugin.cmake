# Builds LAO plugins.
#
#   include(LaoPlugin)
#   lao_add_plugin(<target> <source>...)      the plugin; reads plugin.toml beside the CMakeLists.txt
#   lao_enable_warnings(<target>...)          the usual warnings of the compiler
#   target_link_libraries(<other> lao::sdk)   the headers, for instance for a test of the plugin's own code
#
# `lao plugin build` puts this file's folder on CMAKE_MODULE_PATH.

include_guard(GLOBAL)

unset(LAO_INCLUDE_DIR CACHE) # LAO may have moved since the last time
find_path(LAO_INCLUDE_DIR lao/lao.h
  PATHS "${CMAKE_CURRENT_LIST_DIR}/../include" "${CMAKE_CURRENT_LIST_DIR}/../../include"
  NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED
)
mark_as_advanced(LAO_INCLUDE_DIR)

if(NOT TARGET lao::sdk)
  add_library(lao_sdk INTERFACE)
  add_library(lao::sdk ALIAS lao_sdk)
  target_include_directories(lao_sdk SYSTEM INTERFACE "${LAO_INCLUDE_DIR}")
  get_property(_lao_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("C" IN_LIST _lao_languages)
    target_compile_features(lao_sdk INTERFACE c_std_11)
  endif()
  if("CXX" IN_LIST _lao_languages)
    target_compile_features(lao_sdk INTERFACE cxx_std_17)
  endif()
endif()

# The value of `key` in [plugin], or at the top of a manifest in the flat form. Names and versions need no escapes.
function(_lao_manifest_value variable manifest key)
  file(STRINGS "${manifest}" lines ENCODING UTF-8)
  set(here TRUE)
  foreach(line IN LISTS lines)
    if(line MATCHES "^[ \t]*\\[+[ \t]*([A-Za-z0-9_.-]+)")
      string(COMPARE EQUAL "${CMAKE_MATCH_1}" "plugin" here)
    elseif(here AND line MATCHES "^[ \t]*${key}[ \t]*=[ \t]*[\"']([^\"']*)[\"']")
      set(${variable} "${CMAKE_MATCH_1}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${manifest} has no ${key} in [plugin]")
endfunction()

# A source file that embeds the manifest as the symbol lao_plugin_manifest, written as numbers: nothing to escape.
function(_lao_embed_manifest variable manifest)
  file(READ "${manifest}" bytes HEX)
  if(bytes MATCHES "^(..)*00")
    message(FATAL_ERROR "${manifest} contains a NUL character")
  endif()
  string(LENGTH "${bytes}" size)
  math(EXPR size "${size} / 2 + 1")
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n"
    bytes "${bytes}")
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/lao_manifest.c")
  if(NOT "C" IN_LIST languages)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/lao_manifest.cpp")
  endif()
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT [=[/* Generated from plugin.toml. */
#if defined(_WIN32)
#define MANIFEST_EXPORT __declspec(dllexport)
#define MANIFEST_USED
#else
#define MANIFEST_EXPORT __attribute__((visibility("default")))
#define MANIFEST_USED __attribute__((used))
#endif
#if defined(__cplusplus)
extern "C" {
#endif
extern MANIFEST_EXPORT const unsigned char lao_plugin_manifest[@size@];
#if defined(__cplusplus)
}
#endif
MANIFEST_USED const unsigned char lao_plugin_manifest[@size@] = {
@bytes@0};
]=])
  set(${variable} "${source}" PARENT_SCOPE)
endfunction()

function(lao_add_plugin target)
  set(manifest "${CMAKE_CURRENT_SOURCE_DIR}/plugin.toml")
  if(NOT EXISTS "${manifest}")
    message(FATAL_ERROR "lao_add_plugin: there is no ${manifest}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${manifest}")
  _lao_manifest_value(name "${manifest}" name)
  _lao_manifest_value(version "${manifest}" version)
  _lao_embed_manifest(embedded "${manifest}")

  add_library(${target} MODULE ${ARGN} "${embedded}")
  target_link_libraries(${target} PRIVATE lao::sdk)
  target_compile_definitions(${target} PRIVATE "LAO_PLUGIN_NAME=\"${name}\"" "LAO_PLUGIN_VERSION=\"${version}\"")
  set_target_properties(${target} PROPERTIES
    PREFIX lib
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lao"
    LIBRARY_OUTPUT_DIRECTORY_DEBUG "${CMAKE_BINARY_DIR}/lao"
    LIBRARY_OUTPUT_DIRECTORY_RELEASE "${CMAKE_BINARY_DIR}/lao"
  )
  if(WIN32)
    set_target_properties(${target} PROPERTIES PREFIX "")
  elseif(APPLE)
    set_target_properties(${target} PROPERTIES SUFFIX .dylib)
  else()
    # Nothing but the plugin's own two symbols leaves the library: not the instances of the C++ library's templates
    # either, which the visibility flags do not reach.
    set(exports "${CMAKE_CURRENT_BINARY_DIR}/lao_exports.map")
    file(CONFIGURE OUTPUT "${exports}" CONTENT "{ global: lao_plugin_entry; lao_plugin_manifest; local: *; };\n")
    target_link_options(${target} PRIVATE "LINKER:--version-script=${exports}")
    # Undefined symbols are errors here, not at load. Unique symbols would share state between two copies of the
    # library, so that it could not be reloaded in place.
    target_link_options(${target} PRIVATE LINKER:-z,defs LINKER:-z,relro LINKER:-z,now)
    target_compile_options(${target} PRIVATE
      $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>
    )
  endif()
endfunction()

function(lao_enable_warnings)
  foreach(target IN LISTS ARGN)
    if(MSVC)
      target_compile_options(${target} PRIVATE /W4)
    else()
      target_compile_options(${target} PRIVATE -Wall -Wextra)
    endif()
  endforeach()
endfunction()
