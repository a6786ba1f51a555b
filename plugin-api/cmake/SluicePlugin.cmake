# The targets and functions for building plugins. They are the same in Sluice's own tree, in a checkout and in an
# installation:
#
#   Sluice::plugin_abi   the C header <sluice/plugin.h>
#   Sluice::plugin_api   the C++17 layer <sluice/plugin.hpp>, with RapidJSON
#   sluice_add_plugin(<name> <source>... [OUTPUT_DIRECTORY <dir>])
#   sluice_add_plugin_test(<name> <source>...)
#
# Set SLUICE_WITHOUT_RAPIDJSON for plugins that read their payloads with another JSON library. A
# compile_commands.json is written for editors and clang-tidy, unless CMAKE_EXPORT_COMPILE_COMMANDS is set otherwise.

if("${CMAKE_EXPORT_COMPILE_COMMANDS}" STREQUAL "")  # CMake itself defines it as empty
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/../include/sluice/plugin.h)  # a checkout
  get_filename_component(_sluice_include ${CMAKE_CURRENT_LIST_DIR}/../include ABSOLUTE)
else()  # <prefix>/share/cmake/Sluice
  get_filename_component(_sluice_include ${CMAKE_CURRENT_LIST_DIR}/../../../include ABSOLUTE)
endif()
set(_SLUICE_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/sluice_plugin.map CACHE INTERNAL "")

option(SLUICE_WITHOUT_RAPIDJSON "Build plugins without RapidJSON: payloads are only text" OFF)
if(NOT SLUICE_WITHOUT_RAPIDJSON)
  find_path(SLUICE_RAPIDJSON_INCLUDE rapidjson/document.h DOC "Where <rapidjson/document.h> is")
  mark_as_advanced(SLUICE_RAPIDJSON_INCLUDE)
endif()

if(NOT TARGET sluice_plugin_abi)
  add_library(sluice_plugin_abi INTERFACE)
  add_library(Sluice::plugin_abi ALIAS sluice_plugin_abi)
  target_include_directories(sluice_plugin_abi INTERFACE ${_sluice_include})

  add_library(sluice_plugin_api INTERFACE)
  add_library(Sluice::plugin_api ALIAS sluice_plugin_api)
  target_link_libraries(sluice_plugin_api INTERFACE sluice_plugin_abi)
  target_compile_features(sluice_plugin_api INTERFACE cxx_std_17)
  if(SLUICE_WITHOUT_RAPIDJSON)
    target_compile_definitions(sluice_plugin_api INTERFACE SLUICE_WITHOUT_RAPIDJSON)
  elseif(SLUICE_RAPIDJSON_INCLUDE)
    target_include_directories(sluice_plugin_api SYSTEM INTERFACE ${SLUICE_RAPIDJSON_INCLUDE})
  endif()
endif()

# Sets <variable> to true if this directory builds with sanitizers. The program contains their runtime, so the library
# must be allowed to have undefined symbols.
function(_sluice_sanitized variable)
  get_directory_property(compile_options COMPILE_OPTIONS)
  get_directory_property(link_options LINK_OPTIONS)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(FIND "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS} ${CMAKE_C_FLAGS_${type}} ${CMAKE_CXX_FLAGS_${type}} \
${CMAKE_MODULE_LINKER_FLAGS} ${compile_options} ${link_options}" "-fsanitize" found)
  if(found EQUAL -1)
    set(${variable} FALSE PARENT_SCOPE)
  else()
    set(${variable} TRUE PARENT_SCOPE)
  endif()
endfunction()

# Generates a header "<stem>.json.h" for each given file `<dir>/<stem>.json`, which the target can include. The header
# defines <stem>_json, an array of char with the file's text and a NUL. White space at the text's end is dropped.
function(_sluice_embed_json target)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/${target}.json)
  foreach(file ${ARGN})
    get_filename_component(path ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME)
    string(MAKE_C_IDENTIFIER ${name} identifier)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(READ ${path} bytes HEX)
    while(bytes MATCHES "(09|0a|0d|20)$")
      string(REGEX REPLACE "..$" "" bytes "${bytes}")
    endwhile()
    string(REGEX REPLACE "(..)" "'\\\\x\\1', " bytes "${bytes}")
    string(REPEAT "." 128 row)
    string(REGEX REPLACE "(${row})" "\\1\n  " bytes "${bytes}")
    file(CONFIGURE OUTPUT ${directory}/${name}.h @ONLY CONTENT
"/* Made from @name@ by sluice_add_plugin. */
#ifdef __cplusplus
constexpr
#else
static const
#endif
char @identifier@[] = {
  @bytes@'\\0'};
")
  endforeach()
  target_include_directories(${target} PRIVATE ${directory})
endfunction()

# Makes errors of some warnings about code that would crash: a function without its return value; in C also a handler
# with the wrong signature, an undeclared function, and a number in place of a pointer.
function(_sluice_refuse_what_crashes target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:C,CXX>:-Werror=return-type>
    "$<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration;-Werror=int-conversion>"
    $<$<COMPILE_LANG_AND_ID:C,GNU>:-Werror=incompatible-pointer-types>
    $<$<COMPILE_LANG_AND_ID:C,Clang,AppleClang>:-Werror=incompatible-function-pointer-types>)
endfunction()

# Builds <name>.so, which exports sluice_plugin_v1 and nothing else. It is written to OUTPUT_DIRECTORY, or else to
# SLUICE_PLUGIN_OUTPUT_DIRECTORY, or else to the current binary directory. <name> is an ordinary target: link the
# libraries of the handlers to it. A source "schema.json" becomes the constant schema_json, a char array, in a
# header "schema.json.h".
function(sluice_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT_DIRECTORY" "")
  set(json ${arg_UNPARSED_ARGUMENTS})
  list(FILTER json INCLUDE REGEX "\\.json$")
  if(NOT arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sluice_add_plugin(${name}): give at least one source file")
  endif()
  set(directory ${arg_OUTPUT_DIRECTORY} ${SLUICE_PLUGIN_OUTPUT_DIRECTORY} ${CMAKE_CURRENT_BINARY_DIR})
  list(GET directory 0 directory)

  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  # No run path, because a plugin must find the same libraries wherever it is copied to. Set INSTALL_RPATH to
  # $ORIGIN/... for libraries that are copied with it.
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY "$<1:${directory}>"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH ""
    LINK_DEPENDS ${_SLUICE_VERSION_SCRIPT})
  # The presets do not hide templates of the standard library; the version script does.
  target_link_options(${name} PRIVATE "LINKER:--version-script=${_SLUICE_VERSION_SCRIPT}" "LINKER:-z,now,-z,relro")
  _sluice_sanitized(sanitized)
  if(NOT sanitized)
    target_link_options(${name} PRIVATE "LINKER:-z,defs")
  endif()

  _sluice_refuse_what_crashes(${name})
  if("${arg_UNPARSED_ARGUMENTS}" MATCHES "\\.(cc|cpp|cxx|C|cppm)(;|$)")
    target_link_libraries(${name} PRIVATE Sluice::plugin_api)
  else()
    target_link_libraries(${name} PRIVATE Sluice::plugin_abi)
  endif()
  if(json)
    _sluice_embed_json(${name} ${json})
  endif()
endfunction()

# Builds the test program <name>_test of the plugin <name>, and adds it to ctest. The program contains the plugin's own
# objects, including its descriptor sluice_plugin_v1. It uses the plugin's JSON headers and libraries.
function(sluice_add_plugin_test name)
  add_executable(${name}_test ${ARGN} $<TARGET_OBJECTS:${name}>)
  _sluice_refuse_what_crashes(${name}_test)
  target_include_directories(${name}_test PRIVATE $<TARGET_PROPERTY:${name},INCLUDE_DIRECTORIES>)
  target_link_libraries(${name}_test PRIVATE $<TARGET_PROPERTY:${name},LINK_LIBRARIES>)
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()
