# What a plugin is built with, the same in Sluice's own tree, from a checkout and from an installation:
#
#   Sluice::plugin_abi   the C header <sluice/plugin.h>
#   Sluice::plugin_api   the C++17 layer <sluice/plugin.hpp>, with RapidJSON
#   sluice_add_plugin(<name> <source>... [OUTPUT_DIRECTORY <dir>])
#   sluice_add_plugin_test(<name> <source>...)
#
# Set SLUICE_WITHOUT_RAPIDJSON to build plugins that read their payloads by other means. A compile_commands.json
# is written, for editors and clang-tidy, unless CMAKE_EXPORT_COMPILE_COMMANDS says otherwise.

if("${CMAKE_EXPORT_COMPILE_COMMANDS}" STREQUAL "")  # CMake itself defines it empty
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

# Sets <variable> to true when this directory builds with sanitizers. Their runtime is in the program and
# not in the library, so that the library has undefined symbols on purpose.
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

# For each `<dir>/<stem>.json` of <files>, a header "<stem>.json.h" that the target can include. It defines
# <stem>_json, an array of char with the file's text and a NUL, without white space at its end.
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

# What compilers let pass with a warning, and what crashes when it runs, is an error here: a function that forgets to
# return a value; and in C, a handler of another form, a function that nobody declares, a number in place of a pointer.
function(_sluice_refuse_what_crashes target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:C,CXX>:-Werror=return-type>
    "$<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration;-Werror=int-conversion>"
    $<$<COMPILE_LANG_AND_ID:C,GNU>:-Werror=incompatible-pointer-types>
    $<$<COMPILE_LANG_AND_ID:C,Clang,AppleClang>:-Werror=incompatible-function-pointer-types>)
endfunction()

# Builds <name>.so, which exports sluice_plugin_v1 and nothing else. It goes to OUTPUT_DIRECTORY, else to
# SLUICE_PLUGIN_OUTPUT_DIRECTORY, else to the current binary directory. The result is an ordinary target
# <name>: link to it what the handlers need. A source "schema.json" becomes the constant schema_json, of type
# char array, in a header "schema.json.h".
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
  # No run path: a plugin must find the same libraries wherever it is copied to. Set INSTALL_RPATH to
  # $ORIGIN/... for libraries that travel with it.
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY "$<1:${directory}>"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH ""
    LINK_DEPENDS ${_SLUICE_VERSION_SCRIPT})
  # Templates of the standard library stay visible whatever the presets say; the version script hides them.
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

# Builds the test program <name>_test of the plugin <name>, and adds it to ctest. It has the plugin's own
# objects, its descriptor sluice_plugin_v1 among them, its JSON headers, and what the plugin is linked with.
function(sluice_add_plugin_test name)
  add_executable(${name}_test ${ARGN} $<TARGET_OBJECTS:${name}>)
  _sluice_refuse_what_crashes(${name}_test)
  target_include_directories(${name}_test PRIVATE $<TARGET_PROPERTY:${name},INCLUDE_DIRECTORIES>)
  target_link_libraries(${name}_test PRIVATE $<TARGET_PROPERTY:${name},LINK_LIBRARIES>)
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()
