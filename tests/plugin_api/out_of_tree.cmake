# Builds a copy of examples/hello-plugin, which knows nothing of this tree, against the checkout or against
# an installation of the component sluice-dev, and looks at what the package adds to its build.
set(scratch ${SCRATCH}/${WAY})
file(REMOVE_RECURSE ${scratch})
file(COPY ${SOURCE}/examples/hello-plugin DESTINATION ${scratch})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
endfunction()

if(WAY STREQUAL "installed")
  run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/plugin-api -B ${scratch}/api)
  run(${CMAKE_COMMAND} --install ${scratch}/api --prefix ${scratch}/prefix)
  set(where -DCMAKE_PREFIX_PATH=${scratch}/prefix)
else()
  set(where -DSluice_DIR=${SOURCE}/plugin-api/cmake)
endif()
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${scratch}/hello-plugin -B ${scratch}/build -DCMAKE_CXX_COMPILER=${CXX} -DBUILD_TESTING=OFF
    ${where})
run(${CMAKE_COMMAND} --build ${scratch}/build)
if(NOT EXISTS ${scratch}/build/hello.so)
  message(FATAL_ERROR "no ${scratch}/build/hello.so")
endif()

# Editors and clang-tidy are served, and a function that forgets its return does not pass.
file(READ ${scratch}/build/compile_commands.json commands)
string(FIND "${commands}" "hello.cpp" found)
if(found EQUAL -1)
  message(FATAL_ERROR "compile_commands.json does not name hello.cpp:\n${commands}")
endif()
file(APPEND ${scratch}/hello-plugin/hello.cpp "int forgetful() {}\n")
execute_process(COMMAND ${CMAKE_COMMAND} --build ${scratch}/build RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0 OR NOT output MATCHES "error: [^\n]*return")
  message(FATAL_ERROR "a function without its return builds:\n${output}")
endif()

# What the author says counts more.
file(REMOVE ${scratch}/build/compile_commands.json)
run(${CMAKE_COMMAND} ${scratch}/build -DCMAKE_EXPORT_COMPILE_COMMANDS=OFF)
if(EXISTS ${scratch}/build/compile_commands.json)
  message(FATAL_ERROR "compile_commands.json is written though CMAKE_EXPORT_COMPILE_COMMANDS is off")
endif()
