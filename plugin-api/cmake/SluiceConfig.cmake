# find_package(Sluice). SluicePlugin.cmake lists what it defines.
include(${CMAKE_CURRENT_LIST_DIR}/SluicePlugin.cmake)
# The C header needs no RapidJSON.
get_property(_sluice_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if("CXX" IN_LIST _sluice_languages AND NOT SLUICE_WITHOUT_RAPIDJSON AND NOT SLUICE_RAPIDJSON_INCLUDE)
  set(Sluice_FOUND FALSE)
  set(Sluice_NOT_FOUND_MESSAGE "<rapidjson/document.h> was not found: install RapidJSON (rapidjson-dev), \
set SLUICE_RAPIDJSON_INCLUDE to its directory, or set SLUICE_WITHOUT_RAPIDJSON to build without it")
endif()
