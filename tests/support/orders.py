"""Orders and jobs as tests write them."""

from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1 import order_pb2
from lensmesh.type.v1 import frame_pb2, lens_pb2, prescription_pb2


def eye(**changes: float) -> prescription_pb2.EyePrescription:
    """Returns one eye of a progressive that any lab would make."""
    usual = {
        "sphere": -1.25,
        "cylinder": -0.5,
        "axis": 90,
        "add": 2.0,
        "distance_pd": 32.0,
        "near_pd": 30.0,
        "fitting_height": 19.0,
    }
    return prescription_pb2.EyePrescription(**(usual | changes))


def makeable(**changes: object) -> order_pb2.Order:
    """Returns a pair of progressives that the starter catalog makes."""
    usual: dict[str, object] = {
        "customer_reference": "T-100",
        "eyes": prescription_pb2.EYES_BOTH,
        "prescription": prescription_pb2.Prescription(right=eye(), left=eye(sphere=-1.5)),
        "frame": frame_pb2.Frame(
            a=52,
            b=38,
            dbl=18,
            ed=54,
            material=frame_pb2.FRAME_MATERIAL_METAL,
            edge_type=frame_pb2.EDGE_TYPE_BEVEL,
        ),
        "lens": lens_pb2.LensSpec(design="comfort-pal", material="mr8", colour="clear", coatings=["hc-ar"]),
    }
    return order_pb2.Order(**(usual | changes))


def spec(**changes: object) -> JobSpec:
    """Returns the same pair as a job's spec."""
    order = makeable(**changes)
    return JobSpec(eyes=order.eyes, prescription=order.prescription, frame=order.frame, lens=order.lens)
