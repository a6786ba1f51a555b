# Builds a copy of examples/hello-plugin, which knows nothing of this tree, against the checkout or against
# an installation of the component sluice-dev.
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
